"""The subcommands of :mod:`specsim.cli`, one module each: ``add_to(commands)`` declares, ``run`` does.

Modules import nothing heavy at the top, so that help and mistakes are answered at once.
"""

"""A verdict as one HTML page."""

from __future__ import annotations

from html import escape

from specsim.testing.verdict import ERROR, REFUTED, Verdict

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color:
#1b1b1b; } table { border-collapse: collapse; width: 100%; margin: 1rem 0; } th, td { text-align: left;
padding: .35rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top; } pre { background: #f5f5f5;
padding: 1rem; overflow-x: auto; font-size: 14px; } .status { display: inline-block; padding: .2rem .7rem;
border-radius: .3rem; color: #fff; background: #2b6a4d; } .refuted { background: #a3262a; } .error {
background: #8a6100; }
"""


def page(verdict: Verdict) -> str:
    """The page; all text is escaped, and no other file or address is needed."""
    kind = {REFUTED: "refuted", ERROR: "error"}.get(verdict.status, "")
    parts = [
        f"<h1>{escape(verdict.rule)}</h1>",
        f'<p><span class="status {kind}">{escape(verdict.status)}</span> {escape(verdict.reason)}</p>',
        f"<p>{escape(verdict.scope)}</p>",
        _checks(verdict),
        _list("Not examined, by the rule's own word", verdict.refused),
        _list("Warnings", verdict.warnings),
        _list("Notes", verdict.notes),
    ]
    if verdict.counterexample is not None:
        parts.append(f"<h2>Counterexample</h2><pre>{escape(verdict.counterexample.explain())}</pre>")
    parts.append(
        f"<p>Taken as {escape(verdict.form)}. Vocabulary {verdict.vocabulary}, seed {verdict.seed}, "
        f"{verdict.examples} examples, {verdict.seconds:.1f} s.</p>"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(verdict.rule)}: {escape(verdict.status)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _checks(verdict: Verdict) -> str:
    head = "<tr><th>check</th><th>result</th><th>examples</th><th>method</th><th>precision</th><th></th></tr>"
    rows = [
        f"<tr><td>{escape(check.name)}</td><td>{'passed' if check.passed else 'FAILED'}</td>"
        f"<td>{check.examples}</td><td>{escape(check.method)}</td>"
        f"<td>{f'{check.precision:.2g}' if check.precision else ''}</td><td>{escape(check.detail)}</td></tr>"
        for check in verdict.checks
    ]
    return f"<table>{head}{''.join(rows)}</table>" if rows else ""


def _list(title: str, items: tuple[str, ...]) -> str:
    if not items:
        return ""
    return f"<h2>{escape(title)}</h2><ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"

r"""What trees are compared by: four objectives, from the coarsest to the one that counts.

All count expected tokens per target call, the root (the target's own token) included.

* :func:`by_position`: a profile of acceptance by rank or depth, whatever the context (Sequoia);
* :func:`by_draft`: the draft's path probabilities are taken for acceptance (OPT-Tree, EAGLE-2, and DySpec's
  hypothesis);
* :func:`by_target`: the target's path probabilities, the oracle. It is the expected length of the verified
  round for
  any rule that emits samples of the target which do not depend on the tree (naive matching), and for
  recursive rejection over point masses; for drawn trees a coupling can do better;
* :func:`with_verifier`: the expected length of a round with the walk that verifies it. Exact, by enumeration.

The first three look at one tree; :func:`expected` averages them over an algorithm's trees, exactly. The
acceptance of a tree depends on the rule, so :func:`ranking` ranks pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from theory.chance import Chance, Enumerated
from theory.laws import Tokens
from theory.shapes.dynamic.base import TreeAlgorithm, WithBudget
from theory.shapes.formats import from_draft_tree
from theory.shapes.profile import Profile
from theory.tree import DraftTree
from theory.walks.base import Model, Walk
from theory.walks.rounds import Scheme, expected_length


def by_position(tree: DraftTree, *, profile: Profile) -> Any:
    """Expected tokens under a positional model of acceptance.

    Examples
    --------
    >>> from theory.laws import Point
    >>> by_position(DraftTree.star((4, 2), law=Point([4, 2], 5)), profile=Profile.positional([0.5, 0.25]))
    1.75
    """
    return from_draft_tree(tree).value(profile)


def by_draft(tree: DraftTree, *, draft: Model) -> Any:
    """One, and the draft's probability of every drafted prefix (each counted once).

    Examples
    --------
    >>> import numpy as np
    >>> from theory.laws import Point
    >>> tree = DraftTree.star((2, 1), law=Point([2, 1], 3))
    >>> by_draft(tree, draft=lambda prefix: np.array([0, 0.25, 0.5])).item()
    1.75
    """
    return _mass_of_prefixes(tree, draft)


def by_target(tree: DraftTree, *, target: Model) -> Any:
    """One, and the target's probability of every drafted prefix (each counted once): the oracle.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.laws import Point
    >>> tree = DraftTree.star((2, 1), law=Point([2, 1], 3))
    >>> by_target(tree, target=lambda prefix: np.array([1.0, 0, 0])).item()
    1.0
    """
    return _mass_of_prefixes(tree, target)


def _mass_of_prefixes(tree: DraftTree, model: Model) -> Any:
    mass: dict[Tokens, Any] = {(): 1}
    for node in range(1, tree.size + 1):
        prefix = tree.prefix(node)
        if prefix not in mass:
            mass[prefix] = mass[prefix[:-1]] * model(prefix[:-1])[prefix[-1]]
    return sum(mass.values())


def expected(
    objective: Callable[[DraftTree], Any], *, algorithm: TreeAlgorithm, draft: Model, budget: int
) -> Any:
    """Mean of an objective over the trees of an algorithm; exact, by enumeration.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> from theory.shapes.dynamic import Chain
    >>> draft = lambda prefix: np.array([F(1, 4), F(3, 4)])
    >>> expected(lambda tree: by_draft(tree, draft=draft), algorithm=Chain(), draft=draft, budget=1)
    Fraction(13, 8)
    """

    def program(chance: Chance) -> Any:
        return objective(algorithm.grow(draft=draft, budget=budget, chance=chance))

    return Enumerated().expectation(program)


def with_verifier(*, algorithm: TreeAlgorithm, walk: Walk, target: Model, draft: Model, budget: int) -> Any:
    """Expected tokens of one round, the last one included; exact, by enumeration. For tiny cases.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> from theory.couplings import Recursive
    >>> from theory.shapes.dynamic import Chain
    >>> from theory.walks import TopDown
    >>> p, q = np.array([F(1, 2), F(1, 2)]), np.array([F(1, 4), F(3, 4)])
    >>> with_verifier(algorithm=Chain(), walk=TopDown(Recursive()), budget=1,
    ...               target=lambda prefix: p, draft=lambda prefix: q)
    Fraction(7, 4)
    """
    scheme = Scheme(WithBudget(algorithm, budget), walk)
    return 1 + expected_length(scheme=scheme, target=target, draft=draft)


@dataclass(frozen=True)
class Pairing:
    """A tree algorithm with a verifier.

    Attributes
    ----------
    tree, verifier
        Their names.
    value
        Mean expected tokens per target call over the given pairs of models.
    """

    tree: str
    verifier: str
    value: Any


def ranking(
    pairs: Mapping[tuple[str, str], tuple[TreeAlgorithm, Walk]],
    *,
    models: list[tuple[Model, Model]],
    budget: int,
) -> list[Pairing]:
    """Pairs of tree and verifier, best first, by the mean over some (target, draft) pairs; exact.

    Parameters
    ----------
    pairs
        By name of tree and verifier: the algorithm and the walk.
    models
        Targets and drafts, at least one pair.
    budget
        Drafted tokens.

    Raises
    ------
    ValueError
        If there are no models.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> from theory.couplings import Recursive, SampleAndMatch
    >>> from theory.shapes.dynamic import Chain
    >>> from theory.walks import TopDown
    >>> row = np.array([F(1, 4), F(3, 4)])
    >>> same = (lambda prefix: row, lambda prefix: row)
    >>> walks = {"recursive": TopDown(Recursive()), "naive": TopDown(SampleAndMatch())}
    >>> pairs = {("chain", name): (Chain(), walk) for name, walk in walks.items()}
    >>> [(row.verifier, str(row.value)) for row in ranking(pairs, models=[same], budget=1)]
    [('recursive', '2'), ('naive', '13/8')]
    """
    if not models:
        raise ValueError("give at least one pair of target and draft")
    rows = []
    for (tree, verifier), (algorithm, walk) in pairs.items():
        values = [
            with_verifier(algorithm=algorithm, walk=walk, target=target, draft=draft, budget=budget)
            for target, draft in models
        ]
        rows.append(Pairing(tree, verifier, sum(values) / len(values)))
    return sorted(rows, key=lambda row: -row.value)

"""Universal proofs and lemmas: cells, runs and seconds of each.

Run with ``python benchmarks/proofs.py``: it prints the tables of docs/proofs.md. ``--quick`` leaves out
what takes more than a few seconds, ``--verify`` also checks every certificate (part of the cells of large
ones), and words pick rows: ``python benchmarks/proofs.py block traversal``. Seconds are CPU seconds of one
thread.
"""

import argparse
import time
from dataclasses import dataclass

from theory.couplings import GreedyDraft, Maximal, Recursive, SampleAndMatch, SpecHub
from theory.laws import HubPair, Iid, Independent, Point, TopKPlusSample, WithoutReplacement
from theory.proof.closed import prove_closed
from theory.proof.lemmas import lemmas
from theory.proof.symbolic import Effort
from theory.proof.universal import prove, prove_acceptance, prove_joint, prove_k_seq, prove_scheme
from theory.rules import rule
from theory.walks import Block, GreedyBlock, TopDown, Traversal

MERGE = Effort(merge=True)


@dataclass(frozen=True)
class Row:
    rule: str
    law: str
    vocabulary: int
    k: int | str
    make: object
    quick: bool = True


def iid(k):
    return lambda q: Iid(q, k)


def different(k):
    return lambda q: WithoutReplacement(q, k)


def node(name, coupling, law_name, law, vocabulary, k, quick=True, drafters=1):
    def make():
        return prove(coupling=coupling, law=law, vocabulary=vocabulary, drafters=drafters)

    return Row(name, law_name, vocabulary, k, make, quick)


def walk(name, rule_, branching, vocabulary, quick=True, **options):
    laws = " then ".join(describe(law, vocabulary) for law in branching)
    return Row(
        name,
        laws,
        vocabulary,
        len(branching),
        lambda: prove_joint(rule_, branching=branching, vocabulary=vocabulary, **options),
        quick,
    )


def describe(law, vocabulary):
    shown = law([1 / vocabulary] * vocabulary)
    kind = {"Iid": "i.i.d.", "WithoutReplacement": "without repl.", "Point": "point"}[type(shown).__name__]
    return f"{shown.k} {kind}"


def registered(name, vocabulary, quick=True, depth=1, length=1, **options):
    def make():
        return prove_scheme(
            rule(name).build(), depth=depth, vocabulary=vocabulary, length=length, name=name, **options
        )

    return Row(name, "as registered", vocabulary, 2, make, quick)


ROWS = [
    *[node("maximal coupling", Maximal(), "i.i.d.", iid(1), v, 1, v < 7) for v in (2, 3, 4, 5, 6, 7, 8)],
    *[
        node("recursive rejection", Recursive(), name, law(k), v, k, v < 5)
        for v, k in ((3, 2), (3, 3), (4, 2), (4, 3), (5, 2))
        for name, law in (("i.i.d.", iid), ("without replacement", different))
    ],
    node("recursive rejection", Recursive(), "independent drafters", lambda q, r: Independent((q, r)), 3, 2,
         drafters=2),
    node("recursive rejection", Recursive(), "points", lambda q: Point([0, 2]), 4, 2),
    *[
        Row("K-SEQ, every factor rho", "i.i.d.", v, k, lambda v=v, k=k: prove_k_seq(vocabulary=v, k=k), v < 4)
        for v, k in ((3, 2), (3, 3), (4, 2), (4, 3))
    ],
    node("SpecHub", SpecHub(), "hub and sample", HubPair, 3, 2),
    node("greedy drafts", GreedyDraft(), "top and sample", lambda q: TopKPlusSample(q, 2), 3, 2),
    node("sample and match", SampleAndMatch(), "i.i.d.", iid(2), 3, 2),
    registered("canonical, priority order", 3),
    registered("canonical, uniform slot", 3),
    registered("canonical, clipped", 3, quick=False),
    *[
        Row("acceptance of recursive rejection", name, v, 2,
            lambda v=v, law=law: prove_acceptance(coupling=Recursive(), law=law(2), vocabulary=v), v < 4)
        for v in (3, 4)
        for name, law in (("i.i.d.", iid), ("without replacement", different))
    ],
    walk("token by token", TopDown(Maximal()), [iid(1)] * 2, 3),
    walk("block verification", Block(), [iid(1)] * 2, 2),
    walk("block verification", Block(), [iid(1)] * 2, 3, False),
    walk("block verification, merged", Block(), [iid(1)] * 2, 3, False, effort=MERGE),
    walk("block verification", Block(), [iid(1)] * 3, 2),
    walk("greedy block, 2 rounds, memory 1", GreedyBlock(), [iid(1)] * 2, 2, False, rounds=2, length=3,
         memory=1),
    walk("greedy block", GreedyBlock(), [iid(1)] * 2, 3, False),
    walk("traversal", Traversal(), [iid(2)], 3),
    walk("traversal", Traversal(), [different(2)], 3),
    walk("traversal, merged", Traversal(), [iid(1), iid(2)], 3, False, effort=MERGE),
    walk("traversal, merged", Traversal(), [iid(2), iid(1)], 3, False, effort=MERGE),
    *[
        registered(name, 3, False, depth=2, length=3, effort=MERGE)
        for name in ("SpecInfer tree", "RSD constant tree", "Sequoia tree", "EAGLE tree",
                     "surviving prefixes, recursive")
    ],
]  # fmt: skip

CLOSED = [
    ("maximal coupling", "i.i.d.", 3, 1, Maximal(), iid(1)),
    ("recursive rejection", "i.i.d.", 3, 2, Recursive(), iid(2)),
    ("recursive rejection", "without replacement", 3, 2, Recursive(), different(2)),
    ("maximal coupling", "i.i.d.", 4, 1, Maximal(), iid(1)),
]


def timed(make):
    started = time.process_time()
    result = make()
    return result, time.process_time() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only rows whose rule holds one of these words")
    parser.add_argument("--quick", action="store_true", help="leave out what takes more than a few seconds")
    parser.add_argument("--verify", action="store_true", help="check the certificates")
    options = parser.parse_args()

    def wanted(name):
        return not options.words or any(word in name for word in options.words)

    print("| rule | drafts | V | k | cells | z3 prunings | runs | CPU s |" + " checked |" * options.verify)
    print("|---|---|---|---|---|---|---|---|" + "---|" * options.verify)
    for row in ROWS:
        if wanted(row.rule) and (row.quick or not options.quick):
            print_proof(row, options.verify)
    print("\n| rule | drafts | V | k | strata | cells | CPU s |\n|---|---|---|---|---|---|---|")
    for name, law_name, vocabulary, k, coupling, law in CLOSED:
        if wanted(name) and (vocabulary < 4 or not options.quick):
            proof, seconds = timed(
                lambda c=coupling, f=law, v=vocabulary: prove_closed(coupling=c, law=f, vocabulary=v)
            )
            cells = sum(len(part.cells) for part in proof.proofs)
            columns = [name, law_name, vocabulary, k, len(proof.proofs), cells]
            print("| " + " | ".join(map(str, columns)) + f" | {seconds:.1f} |", flush=True)
    print("\n| lemma, every V | obligations | result | s |\n|---|---|---|---|")
    for each in lemmas():
        print(f"| {each.name} | {len(each.formal)} | {each.result} | {each.seconds:.3f} |")


def print_proof(row, verify):
    proof, seconds = timed(row.make)
    assert proof.proved, str(proof)
    columns = [row.rule, row.law, row.vocabulary, row.k, len(proof.cells), len(proof.refutations), proof.runs]
    line = " | ".join(str(column) for column in columns) + f" | {seconds:.2f} |"
    if verify:
        most = None if proof.runs * len(proof.cells) < 50_000 else 20
        checked, spent = timed(lambda: proof.verify(most=most))
        line += f" {checked.identities} identities, {checked.witnesses} witnesses, {spent:.1f} s |"
    print(f"| {line}", flush=True)


if __name__ == "__main__":
    main()

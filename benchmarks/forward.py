"""Throughput of the forward pass against transformers on torch, in the same run, and the cost of trees.

    python benchmarks/forward.py --engine-python PATH [--model smollm2-135m] [--context 256] [--tokens 32]

PATH is a Python that has torch, transformers and gguf (extra ``torch``); without it the comparison is left out, and
says so. Both engines read the same file, compute in float32 at batch 1 with a cache, decode the same greedy tokens
from the same context, and take turns; the tokens must be the same. Ratios are those of the least seconds a token,
and the median over paired rounds. Both engines use all cores, so wall-clock time is what to compare, on a quiet
machine; on a busy one give both a single thread (``--single``) and compare CPU seconds.

The second table is the cost of one pass over T tree nodes, with and without the head, against T = 1: wall-clock time, or
CPU time with ``--single``.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from functools import partial

import numpy as np

ENGINE = """
import json, sys, time
import torch, transformers
from transformers import AutoModelForCausalLM
asked = json.loads(sys.stdin.readline())
if asked["single"]:
    torch.set_num_threads(1)
model = AutoModelForCausalLM.from_pretrained(asked["folder"], gguf_file=asked["file"], dtype=torch.float32).eval()
with torch.inference_mode():
    first = model(torch.tensor([asked["context"]]), use_cache=True, logits_to_keep=1)
    print(json.dumps({"engine": f"transformers {transformers.__version__} on torch {torch.__version__}, "
                                f"{torch.get_num_threads()} threads"}), flush=True)
    cache = first.past_key_values
    for _ in sys.stdin:
        token, new = first.logits[:, -1:].argmax(-1), []
        start, used = time.perf_counter(), time.process_time()
        for _ in range(asked["tokens"]):
            new.append(int(token))
            token = model(token, past_key_values=cache, use_cache=True).logits[:, -1:].argmax(-1)
        spent = time.perf_counter() - start, time.process_time() - used
        cache.crop(-asked["tokens"])
        print(json.dumps({"spent": spent, "new": new}), flush=True)
"""


class Peer:
    """The other engine, in a process of its own that waits until it is asked."""

    def __init__(self, python, path, context, tokens, single):
        self.process = subprocess.Popen(
            [python, "-c", ENGINE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        asked = {
            "folder": str(path.parent),
            "file": path.name,
            "context": context,
            "tokens": tokens,
            "single": single,
        }
        self.name = self.ask(json.dumps(asked))["engine"]

    def ask(self, line):
        print(line, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(
                "the other engine ended without an answer: does its Python have torch, transformers and gguf?"
            )
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def decode(model, context, tokens):
    """Greedy tokens, and the wall-clock and CPU seconds that they took, the context not counted."""
    from specsim.models import Decoder

    decoder = Decoder.open(model.params, model.config, context, slots=len(context) + tokens)
    decoder.logits.block_until_ready()
    start, used = time.perf_counter(), time.process_time()
    new = decoder.greedy(tokens)
    decoder.logits.block_until_ready()
    return new, (time.perf_counter() - start, time.process_time() - used)


def compare(model, path, asked, context):
    python, tokens = asked.engine_python, asked.tokens
    peer = Peer(python, path, context, tokens, asked.single) if python else None
    ours, theirs = [], []
    for _ in range(asked.rounds + 1):  # the first one compiles, and warms up
        new, spent = decode(model, context, tokens)
        ours.append(spent)
        if peer:
            answer = peer.ask("go")
            theirs.append(answer["spent"])
            if answer["new"] != new:
                raise SystemExit(f"the engines decode different tokens: {new} and {answer['new']}")
    print(
        "| engine | wall ms a token, least | median | tokens/s | CPU ms a token, least | median |\n|---|---|---|---|---|---|"
    )
    ours = report("specsim", ours[1:], tokens)
    if not peer:
        print("\nNo comparison: --engine-python names no Python with torch and transformers.")
        return
    theirs = report(peer.name, theirs[1:], tokens)
    for column, name in enumerate(("wall clock", "CPU")):
        least = ours[:, column].min() / theirs[:, column].min()
        paired = np.median(ours[:, column] / theirs[:, column])
        print(f"\nspecsim / peer, {name}: {least:.2f} (least), {paired:.2f} (median of pairs)")
    peer.close()


def report(name, spent, tokens):
    each = np.array(spent) / tokens
    (wall, cpu), (wall_middle, cpu_middle) = 1e3 * each.min(axis=0), 1e3 * np.median(each, axis=0)
    print(
        f"| {name} | {wall:.1f} | {wall_middle:.1f} | {1e3 / wall:.1f} | {cpu:.1f} | {cpu_middle:.1f} |",
        flush=True,
    )
    return each


def least(work, repeats, clock):
    work()  # compiles
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def trees(model, context, repeats, clock):
    from specsim.models import GrowingTree

    tree = GrowingTree.open(model.params, model.config, context)
    print("\n| T | pass ms | t(T)/t(1) | with head ms | t(T)/t(1) |\n|---|---|---|---|---|")
    base = None
    for count in (1, 2, 4, 8, 16, 32, 64):
        bare, whole = (
            least(partial(one_pass, model, tree, context[:count], head), repeats, clock)
            for head in (False, True)
        )
        base = base or (bare, whole)
        print(
            f"| {count} | {1e3 * bare:.1f} | {bare / base[0]:.2f} | {1e3 * whole:.1f} | {whole / base[1]:.2f} |",
            flush=True,
        )


def one_pass(model, tree, tokens, head):
    """A binary tree scored in one pass, down to numbers on the host."""
    from specsim.models import row_logits

    hidden, _ = tree.extend(tokens, [(node - 1) // 2 for node in range(len(tokens))])
    return row_logits(model.params, hidden) if head else np.asarray(hidden)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine-python", help="a Python with torch, transformers and gguf")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--single", action="store_true", help="one thread each, so that CPU seconds compare on a busy machine"
    )
    asked = parser.parse_args()
    if asked.single:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    from specsim.models import fetch, load

    model, path = load(asked.model), fetch(asked.model)
    words = model.tokenizer.encode("The capital of France is a city of light and love. ")
    context = (words * (asked.context // len(words) + 1))[: asked.context]
    print(
        f"{asked.model}, float32, batch 1, context {asked.context}, {asked.tokens} greedy tokens\n",
        flush=True,
    )
    compare(model, path, asked, context)
    trees(model, context, max(asked.rounds, 3), time.process_time if asked.single else time.perf_counter)


if __name__ == "__main__":
    sys.exit(main())

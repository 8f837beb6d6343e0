"""One set of freshness rules for each way to break one: the line as it stands, and as it must never stand."""

from __future__ import annotations

from tests.state.mutation import Mutant

MUTANTS = [
    Mutant(1, "anybody signs heads", "_demand_head(state.beacon.met(head.signers)", "_demand_head(True"),
    Mutant(1, "anybody signs answers", "_demand_answer(state.beacon.met(answer.signers)", "_demand_answer(True"),
    Mutant(1, "any key will do", "return len(signers & self.keyids) >= self.threshold > 0", "return bool(signers)"),
    Mutant(1, "no key will do", "return len(signers & self.keyids) >= self.threshold > 0", "return True"),
    Mutant(2, "heads count without possession", " or proof.snapshot != state.applied.snapshot:", ":"),
    Mutant(2, "a proof outlives its state", "if proof and not (applied and", "if False and not (applied and"),
    Mutant(2, "the state that came late never counts", "_counted(state, head) if head else state", "state"),
    Mutant(2, "an answer does not count", "return _counted(state, anchor.answer) if anchor else state", "return state"),
    Mutant(3, "older heads are heard", "_demand_head(head.version >= newest.version", "_demand_head(True"),
    Mutant(3, "older states are named", "_demand_head(not older", "_demand_head(True"),
    Mutant(3, "an answer names an older state", "_demand_answer(not older", "_demand_answer(True"),
    Mutant(3, "the version floor never dies", "head if head and beacon.met(head.signers) else None", "head"),
    Mutant(3, "the version floor dies at once", "head if head and beacon.met(head.signers) else None", "None"),
    Mutant(4, "the time floor never dies", "seen if seen and beacon.met(seen.signers) else None", "seen"),
    Mutant(4, "a liar's clock runs on", "anchor if anchor and beacon.met(anchor.signers) else None", "anchor"),
    Mutant(4, "a liar's proof runs on", "proof if proof and beacon.met(proof.signers) else None", "proof"),
    Mutant(4, "time stands still", "anchor.time + max(0.0, at - anchor.at) if anchor", "anchor.time if anchor"),
    Mutant(4, "the floor is not lifted", "if seen is None or time > seen.time:", "if seen is None:"),
    Mutant(
        5,
        "no answer is needed",
        "        return Stale(Reason.NOT_ANSWERED)",
        '        anchor = Anchor(0.0, at, Answer(b"", 0.0, applied.snapshot, frozenset()), frozenset())',
    ),
    Mutant(5, "any nonce will do", " or state.asked[0] != answer.nonce:", ":"),
    Mutant(5, "late answers are taken", "0 <= delay_s <= ANSWER_MAX_S", "0 <= delay_s"),
    Mutant(5, "a delay makes it earlier", "max(answer.time + delay_s, reading", "max(answer.time, reading"),
    Mutant(5, "a nonce is answered twice", "replace(state, asked=None, anchor=", "replace(state, anchor="),
    Mutant(5, "an old database is good enough", "if applied.snapshot != named and", "if False and"),
    Mutant(6, "twice the bound", "proof.signed_at + applied.bound_s)", "proof.signed_at + 2 * applied.bound_s)"),
    Mutant(6, "age has no bound", ", proof.signed_at + applied.bound_s)", ")"),
    Mutant(6, "the older word stands", "proof.signed_at < state.proof.signed_at", "False"),
    Mutant(7, "fresh for too long", "min(applied.until, proof.expires,", "min(proof.expires,"),
    Mutant(7, "fresh until another time", "Fresh(at + (end - now))", "Fresh(at + applied.bound_s)"),
]

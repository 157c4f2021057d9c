"""The documentation of the checks, made from their metadata, with one account as the example."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from detector.posture.check import Check, Over, Status
from detector.posture.fact import Says
from detector.posture.live_checks import LIVE_CHECKS

_BEGINNING = """\
# Posture

Written by `python -m fixtures.posture_page` from the checks in `queries/_posture/`; do not edit.

Is root's MFA on, of which kind, was it tested? Is recovery safe, is root still used, can it be put away, does a
trail log? `detector posture --lake DIR` answers for each account of a lake:

| answer | means |
| --- | --- |
| pass | an event proves it, and nothing that contradicts it was seen since |
| fail | an event proves the contrary |
| not_applicable | there is nothing to ask about; AWS tells, logs do not |
| unknown | the logs hold nothing about it, or what was known no longer holds; unknown never passes |

Each answer names its events, and when the newest of them happened (`as_of`). Logs may lack files, so an answer says
"no removal seen until", never "none removed"; and what only silence could show, such as that root has no key, logs
never pass.

`--at TIME` answers as of a moment, from what had happened by then. `--changes --since TIME` tells when answers
changed, and through which events. `--account ID` chooses accounts; for many there is a matrix, a line each.
`--format jsonl` writes one line for each account and check ([JSON Schema](../detector/posture/posture.schema.json),
`detector.posture/1`): the line of `root_mfa_enabled` brings root's devices, with when and by whom each was
enrolled, used and removed. `--format csv` has the same columns without the devices, `--format ocsf` Compliance
Findings (class 2003) of OCSF 1.8.0, and `--format asff` findings as Security Hub's BatchImportFindings takes them.
In both an unknown answer is no pass: *Unknown* in OCSF, `WARNING` in ASFF.

`--fail-on fail` makes the exit code 1 when a check fails, `--fail-on unknown` also when one is not answered;
without it the answers do not change the code.

## Asking AWS

`--live` asks AWS about the account of the credentials, with or without a lake, by calls that only read: those of
`deploy/iam/posture.json`, and no other. (Making the credential report, where there is none of the last four hours,
changes nothing but the report.) Nothing is kept but the answer; of a contact only that there is one.

Where logs and AWS agree, `source` is `both`; where only one of them knows, it is that one. Where both know and say
other things it is `disagree`, and the answer is unknown and shows both: somebody has to find out whether the logs
lack something, or something was changed that they do not show. `not_applicable` is what there is nothing to ask
about, such as the kind of root's MFA where MFA is off.

`--role-name NAME` asks about every account of the organisation, ten side by side: the credentials are those of the
management account or of a delegated administrator, and a role of this name is assumed in each of the others. An
account in which it cannot be assumed is unknown, a suspended one is not applicable; none is left out.

A call that is refused leaves its checks unknown; they are named, what is to be allowed is collected into one policy,
and the exit code is 4. What others than root cannot find out stays unknown: passkeys, security keys and hardware
tokens of root are in no list, so that MFA which is on and not virtual may be either. A trail of one region is seen
from that region only; asked is where the partition has its global services.

## Where AWS differs from what is often advised

- There are no recovery codes for root. Who loses the only device has to prove e-mail address and telephone number;
  a second device, of up to eight, is the way out.
- A passkey or security key asks for no six-digit code; whether MFA was used, the login's own record tells. Its
  serial number does not tell a passkey from a security key.
- MFA by text message can no longer be set up. Passkeys and security keys are what cannot be phished.
- Root cannot be disabled. Of a member account, the organisation can remove root's credentials; the management
  account keeps its own.
- An empty list of IAM users is no reason to keep root: people of IAM Identity Center are not in it.
- That AWS asks everybody for MFA proves nothing: a sign-in without it still succeeds for 35 days, and access keys
  never ask.

## Checks

"Logs" says what logs alone can answer, "live" whether AWS is asked. Step is that of the guide "AWS Root Account MFA";
*monitor* goes beyond it. Below, CIS is the AWS Foundations Benchmark 3.0.

| check | step | passes when | logs | live |
| --- | --- | --- | --- | --- |
"""


def posture_page(checks: Sequence[Check], example: str) -> str:
    """Return the page.

    Args:
        checks: in their order.
        example: what the command shows of the account of `compromised_root`.
    """
    rows = "".join(
        f"| [{check.id}](#{check.id}) | {check.step} | {check.title} | {_answers(check)} |"
        f" {'yes' if check.id in LIVE_CHECKS else 'no'} |\n"
        for check in checks
    )
    return _BEGINNING + rows + "\n".join(["", *_example(example), *(line for one in checks for line in _section(one))])


def _answers(check: Check) -> str:
    can = [Status.PASS] if check.silence else []
    can += [Status.FAIL] if "'no'" in check.sql or (check.lasts and check.fades_to is Says.NO) else []
    return ", ".join([*can, Status.UNKNOWN])


def _example(shown: str) -> Iterator[str]:
    yield "## An account, worked out"
    yield ""
    yield "The account of [compromised_root](../fixtures/trails/compromised_root/README.md): an intruder signs in as"
    yield "root without MFA, removes the device, makes a key and a user, and stops a trail for a while."
    yield ""
    yield "```"
    yield f"$ detector posture --lake lake\n{shown.rstrip()}"
    yield "```"
    yield ""
    yield "MFA is off, for the last login went without; that a device was removed would alone leave it open. The only"
    yield "administrator beside Identity Center is the intruder's own: alerts say what was done, this how it stands."
    yield ""


def _section(check: Check) -> Iterator[str]:
    yield f"## {check.id}"
    yield ""
    yield f"**{check.title}.** Step {check.step}." if check.step != "monitor" else f"**{check.title}.**"
    yield ""
    yield check.why
    yield ""
    if check.over is Over.SOME:
        yield "One is enough."
        yield ""
    if check.least > 1:
        yield f"At least {check.least} have to be seen."
        yield ""
    if check.lasts is not None:
        then = "fails it" if check.fades_to is Says.NO else "leaves it unknown"
        yield f"What happened more than {check.lasts.days} days before the moment asked about {then}."
        yield ""
    if check.silence is None:
        yield "Logs alone never pass it."
        yield ""
    if known := LIVE_CHECKS.get(check.id):
        yield f"AWS is asked by {', '.join(f'`{need}`' for need in sorted(known.needs))}."
        yield ""
    if Status.FAIL in check.words:
        yield f"When it fails: {check.next}."
        yield ""
    if check.known_as:
        yield f"Known as: {', '.join(check.known_as)}."
        yield ""

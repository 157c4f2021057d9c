"""The documentation of the checks, made from their metadata, with one account as the example."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

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
| pass | an event proves it, and nothing that contradicts it is known |
| fail | an event proves the contrary |
| not_applicable | there is nothing to ask about; AWS tells, logs do not |
| unknown | the logs hold nothing about it, what was known no longer holds, or facts disagree; unknown never passes |

Each answer names its events, and when the newest of them happened (`as_of`). Logs may lack files, so an answer says
"no removal seen until", never "none removed"; and what only silence could show, such as that root has no key, logs
never pass. Answers to reads are not in the logs, but their errors are, and are facts: whoever asked, a bucket without
a public access block had none then.

`--at TIME` answers as of a moment, from what had happened by then. `--changes --since TIME` tells when answers
changed, and through which events. `--account ID` chooses accounts; for many there is a matrix, a line each, in
which accounts that are alike and in which nothing failed share one.
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

An answer that is empty, or cut off with no way to the rest, is none, and the run is incomplete. Where AWS contradicts
itself nothing passes, and both are shown: MFA that the account summary counts and the credential report or root's own
session does not know, keys and certificates the other way round, a trail that logs and brought no log file for a day,
a credential report of more than four hours ago. Logs make up for a call that was refused, not for an answer that leaves
such a doubt.

`--role-name NAME` asks about every account of the organisation, ten side by side: the credentials are those of the
management account or of a delegated administrator, and a role of this name is assumed in each of the others. An
account in which it cannot be assumed is unknown, a suspended one is not applicable; none is left out.

`--assume-root`, with or without a role, asks as root of each member by `sts:AssumeRoot`, in a session of 15
minutes whose task policy (`IAMAuditRootUserCredentials`) allows reads of root's own credentials and nothing else. It
is the only way from outside to list root's passkeys, security keys and hardware tokens, each with the date of its
enrolment. The organisation needs centralised root access; the management account's own root cannot be asked so.
CloudTrail records each session, and the rule [assume_root](rules.md#assume_root) tells of it: the command names the
request id and the session's key of each, so that whoever gets the alert knows that it was this.

A call that is refused leaves its checks unknown; they are named, what is to be allowed is collected into one policy,
and the exit code is 4. AWS's asking for patience is heeded: a call that is throttled is made again, later each time.
What others than root cannot find out stays unknown: passkeys, security keys and hardware tokens of root are in no list
but root's own, so that MFA which is on and not virtual may be either. A trail of one region is seen from that region
only; asked is where the partition has its global services, and there EventBridge and GuardDuty, too. Of a trail that
belongs to another account, as an organisation's does in its members, neither the bucket nor the alarms are asked about.
Settings of a trail that does not log count for nothing.

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
    yield from _REAL


_REAL: Final = """\
## A real trail, worked out

The trail of the SANS 504 S3 ransomware lab is public ([real-logs.md](real-logs.md) has what the rules say about it):
23,981 events between 2021-07-28 and 2021-08-02, 656 of them by root.

- Step 3, is root's MFA on? *Off*: root signed in on 2021-07-29 at 00:07:51Z and 12:54:17Z, and on 2021-07-30 at
  10:37:34Z, each time without MFA.
- Step 7, was it tested? *No*: none of the three logins was with MFA.
- Step 8, does root rest? *No*: the console was used more than 20 times.
- Does a trail log? *Yes*: root made one of all regions, encrypted and validated, on 2021-07-29 at 23:53Z. No stop is
  seen.
- May another account delete from its bucket? *Unknown*: root gave the bucket a new policy; what it lets whom do AWS
  tells.
- All other questions are *unknown*: no device, key, certificate, contact or recovery is seen.

A fourth login, at 12:53:34Z, failed, and proves nothing: only a password that is right is followed by a question for
MFA. One login would be enough for *off*, and the last one is what counts; three in a row say that it was no exception.
The 649 calls of root's sessions agree: each session began in the second of one of the three logins, and
`mfaAuthenticated` is false in all of them. They do not count by themselves, for calls with a key say false whatever is
set up. When a device is enrolled later, `--at` still answers *off* for that day, and `--changes` has the moment of the
enrolment; it is *tested* once a login has used it.

""".splitlines()


def _section(check: Check) -> Iterator[str]:
    yield f"## {check.id}"
    yield ""
    yield f"**{check.title}.** Step {check.step}." if check.step != "monitor" else f"**{check.title}.**"
    yield ""
    yield check.why
    yield ""
    if check.over is Over.SOME:
        yield "One is enough, unless another was so and was switched off: then it is unknown, and both are shown."
        yield ""
    if check.over is Over.AGREED:
        yield "Where one says yes and another no, it is unknown, and both are shown."
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
    if known and known.by_root:
        yield f"In a session of AssumeRoot, by {', '.join(f'`{need}`' for need in sorted(known.by_root))} alone."
        yield ""
    if Status.FAIL in check.words:
        yield f"When it fails: {check.next}."
        yield ""
    if check.known_as:
        yield f"Known as: {', '.join(check.known_as)}."
        yield ""

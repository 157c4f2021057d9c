-- /// check
-- title = "Who enrolled root's MFA devices is known"
-- label = "devices enrolled"
-- step = "3–5"
-- why = """
-- Root's devices are enrolled by root in the console and nowhere else. One that nobody remembers enrolling belongs to
-- somebody else. This is told, not judged: it passes where the enrolment is known.
-- """
-- known_as = []
-- over = "every"
-- words = {pass = "known"}
-- unseen = "no enrolment seen"
-- silence = "no removal"
-- ask = "iam:ListVirtualMFADevices"
-- next = "ask the owner of root when each device was enrolled"
-- ///

SELECT
    account_id,
    event_time,
    coalesce(serial, '') AS subject,
    CASE act WHEN 'enrolled' THEN 'yes' WHEN 'removed' THEN 'gone' END AS says,
    coalesce(name, 'a device that is not named') || ' by ' || actor || ' from ' || source_ip AS detail,
    event_id
FROM root_device_events
WHERE act IN ('enrolled', 'removed')

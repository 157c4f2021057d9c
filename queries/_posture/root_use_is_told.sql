-- /// check
-- title = "Somebody is told when root is used"
-- label = "root use told"
-- step = "monitor"
-- why = """
-- Root should rest, so each use of it is news. An alarm on a metric of the log group, a rule of EventBridge or GuardDuty
-- tells it; one is enough. Where a rule sends its message is not looked at, and whether anybody reads it lies outside of
-- AWS. Rules that EventBridge keeps in another region than that of root's logins do not count.
-- """
-- known_as = ["CIS 4.3", "Security Hub CloudWatch.1", "Prowler cloudwatch_log_metric_filter_root_usage"]
-- over = "some"
-- words = {pass = "yes", fail = "no"}
-- unseen = "no alarm, rule or detector seen to be set up"
-- silence = "no switching off"
-- ask = "events:ListRules"
-- next = "make an EventBridge rule for events of userIdentity type Root, with a target that people read"
-- ///

WITH calls AS (
    SELECT
        coalesce(nullif(userIdentity.accountId, ''), recipientAccountId) AS account_id,
        eventTime AS event_time,
        eventKey AS event_id,
        regexp_extract(eventSource, '^[a-z]+') AS service,
        eventName AS event_name,
        awsRegion AS region,
        unquoted(requestParameters) AS parameters,
        unquoted(responseElements) AS answer,
        coalesce(nullif(userIdentity.arn, ''), 'an unknown caller') AS actor
    FROM events
    WHERE
        eventTime <= $until
        AND nullif(errorCode, '') IS NULL
        AND regexp_matches(eventSource, '^(logs|monitoring|events|guardduty)\.amazonaws\.')
        AND eventName IN (
            'PutMetricFilter', 'PutMetricAlarm', 'DeleteAlarms', 'DisableAlarmActions', 'EnableAlarmActions', 'PutRule',
            'DeleteRule', 'DisableRule', 'EnableRule', 'CreateDetector', 'UpdateDetector', 'DeleteDetector'
        )
),

filters AS (
    SELECT
        account_id,
        region,
        unnest(json_items(parameters, '$.metricTransformations')) AS transformation
    FROM calls
    WHERE
        service = 'logs'
        AND regexp_matches(field(parameters, 'filterPattern'), '(^|[^!<>])= *"?Root\b')
),

metrics AS (
    SELECT DISTINCT
        account_id,
        region,
        field(transformation, 'metricName') AS metric
    FROM filters
),

-- What is about root by what it is made of.
made AS (
    SELECT
        calls.*,
        'alarm ' || field(parameters, 'alarmName') AS subject,
        coalesce(lower(field(parameters, 'actionsEnabled')), 'true') = 'true' AS is_on
    FROM calls
    INNER JOIN metrics
        ON metrics.account_id = calls.account_id
        AND metrics.region = calls.region
        AND metrics.metric = field(parameters, 'metricName')
    WHERE event_name = 'PutMetricAlarm'
    UNION ALL
    SELECT
        *,
        'EventBridge rule ' || field(parameters, 'name') AS subject,
        coalesce(field(parameters, 'state'), 'ENABLED') <> 'DISABLED' AS is_on
    FROM calls
    WHERE
        event_name = 'PutRule'
        AND is_sign_in_region(region)
        AND list_contains(json_texts(field(parameters, 'eventPattern'), '$.detail.userIdentity.type'), 'Root')
    UNION ALL
    SELECT
        *,
        'GuardDuty detector ' || coalesce(field(parameters, 'detectorId'), field(answer, 'detectorId'), '') AS subject,
        lower(field(parameters, 'enable')) = 'true' AS is_on
    FROM calls
    WHERE
        event_name IN ('CreateDetector', 'UpdateDetector')
        AND field(parameters, 'enable') IS NOT NULL
),

-- By name alone: each is about root if it was made so.
switched AS (
    SELECT
        *,
        unnest(CASE service
            WHEN 'events' THEN ['EventBridge rule ' || field(parameters, 'name')]
            WHEN 'guardduty' THEN ['GuardDuty detector ' || field(parameters, 'detectorId')]
            ELSE list_transform(json_texts(parameters, '$.alarmNames'), lambda name: 'alarm ' || name)
        END) AS subject,
        starts_with(event_name, 'Enable') AS is_on
    FROM calls
    WHERE
        event_name IN (
            'DeleteAlarms', 'DisableAlarmActions', 'EnableAlarmActions', 'DeleteRule', 'DisableRule', 'EnableRule',
            'DeleteDetector'
        )
)

SELECT
    account_id,
    event_time,
    subject,
    CASE WHEN is_on THEN 'yes' ELSE 'no' END AS says,
    subject || ' by ' || event_name || ' of ' || actor AS detail,
    event_id
FROM (
    FROM made
    UNION ALL
    FROM switched
    WHERE (account_id, subject) IN (SELECT (made.account_id, made.subject) FROM made)
)
WHERE subject IS NOT NULL

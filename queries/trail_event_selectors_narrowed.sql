-- /// rule
-- title = "Trail no longer records all management events"
-- severity = "high"
-- confidence = "high"
-- attack = ["TA0005:T1562.008", "TA0005:T1685.002"]
-- description = """
-- A trail was given event selectors, basic or advanced, that together leave out management events, or their reads or
-- writes, or those of some services. The trail still looks alive while it no longer sees what matters. Medium when
-- only AWS KMS and the RDS Data API are left out, which is offered to save cost.
-- """
-- response = """
-- 1. Look at the trail's selectors now (GetEventSelectors) and at what the alert says is left out.
-- 2. Ask the caller, over another channel, why. Is there another trail that records what this one no longer does?
-- 3. If nobody knows of it: put the selectors back, disable the caller's credentials, and treat the time between as
--    unobserved.
-- """
-- false_positives = [
--     "A second trail made for data events only.",
--     "Leaving out AWS KMS to save cost.",
-- ]
-- references = [
--     "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html",
--     "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html",
--     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-management-events-with-cloudtrail.html",
-- ]
-- monotone = true
-- reports_alone = "event_selector_narrowings"
-- ///

SELECT
    account_id,
    event_time,
    [event_id] AS event_ids,
    coalesce(trail_key, 'an unknown trail') || ' no longer records '
    || CASE
        WHEN leaves_out_reads AND leaves_out_writes THEN 'management events'
        WHEN leaves_out_writes THEN 'writes'
        WHEN leaves_out_reads THEN 'reads'
        ELSE 'events of ' || array_to_string(left_out_sources[:5], ', ')
    END
    || '; changed by ' || CASE WHEN is_root THEN 'root' ELSE coalesce(actor_arn, 'an unknown caller') END
    || ' of account ' || coalesce(account_id, 'unknown') || ' from ' || coalesce(source_ip, 'an unknown address') AS summary,
    CASE
        WHEN leaves_out_reads OR leaves_out_writes THEN 'high'
        WHEN
            len(list_filter(
                left_out_sources,
                lambda source: NOT regexp_full_match(source, '(kms|rdsdata)\.amazonaws\.com(\.cn)?')
            )) > 0
            THEN 'high'
        ELSE 'medium'
    END AS severity,
    trail_key AS trail,
    leaves_out_reads,
    leaves_out_writes,
    left_out_sources[:20] AS left_out_sources
FROM event_selector_narrowings

# The queue that `detector watch` reads: S3 tells it of every new log file; what fails ten times (max_receives) goes to a dead-letter
# queue, and an alarm says so.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "trail_bucket" {
  description = "The existing bucket with the log files."
  type        = string
}

variable "trail_account" {
  description = "The account that owns the bucket; null for this one."
  type        = string
  default     = null
}

variable "log_prefix" {
  description = "What the keys of the log files begin with; PREFIX/AWSLogs/ when the trail has a prefix."
  type        = string
  default     = "AWSLogs/"
}

variable "name" {
  description = "Name of the queue."
  type        = string
  default     = "detector"
}

variable "visibility_timeout" {
  description = "Seconds; for a function six times its own timeout, 1800."
  type        = number
  default     = 120
}

variable "max_receives" {
  description = "After so many vain attempts a message is a dead letter; for a function 30."
  type        = number
  default     = 10
}

variable "alarm_topics" {
  description = "ARNs of SNS topics that hear of dead letters and of a backlog."
  type        = list(string)
  default     = []
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.trail_bucket}"
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "queue" {
  name = var.name
  # watch extends this while it works; a killed one's messages come back after it.
  visibility_timeout_seconds = var.visibility_timeout
  receive_wait_time_seconds  = 20
  message_retention_seconds  = 1209600
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.max_receives
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.queue.arn]
  })
}

data "aws_iam_policy_document" "queue" {
  statement {
    sid       = "OnlyTheTrailsBucketSends"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.queue.arn]
    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.bucket_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [coalesce(var.trail_account, data.aws_caller_identity.current.account_id)]
    }
  }
  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.queue.arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "queue" {
  queue_url = aws_sqs_queue.queue.id
  policy    = data.aws_iam_policy_document.queue.json
}

# It stands for all notifications of the bucket: add those that exist already, or they are removed.
resource "aws_s3_bucket_notification" "trail" {
  bucket     = var.trail_bucket
  depends_on = [aws_sqs_queue_policy.queue]
  queue {
    queue_arn     = aws_sqs_queue.queue.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = var.log_prefix
    filter_suffix = ".json.gz"
  }
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "Notifications that detector watch did not understand, or whose objects it could not read."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
}

resource "aws_cloudwatch_metric_alarm" "backlog" {
  alarm_name          = "${var.name}-backlog"
  alarm_description   = "detector watch is not running, or does not keep up."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.queue.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  threshold           = 900
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
}

data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "ListTheTrail"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]
  }
  statement {
    sid       = "ReadTheTrail"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${var.log_prefix}*"]
  }
  statement {
    sid = "TakeNotifications"
    actions = [
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
      "sqs:GetQueueAttributes",
    ]
    resources = [aws_sqs_queue.queue.arn]
  }
}

resource "aws_iam_policy" "reader" {
  name        = "${var.name}-reader"
  description = "What detector watch and detector run may do."
  policy      = data.aws_iam_policy_document.reader.json
}

output "queue_url" {
  description = "What --queue takes."
  value       = aws_sqs_queue.queue.url
}

output "queue_arn" {
  description = "What lambda/function.tf takes."
  value       = aws_sqs_queue.queue.arn
}

output "reader_policy_arn" {
  description = "To attach to the role that detector runs as."
  value       = aws_iam_policy.reader.arn
}

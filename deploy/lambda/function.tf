# detector watch as a function: Lambda hands it the messages of the queue of ../queue.tf, one batch at a time; its lake is
# on EFS. Make the queue with visibility_timeout = 1800 and max_receives = 30.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "name" {
  description = "Name of the function."
  type        = string
  default     = "detector"
}

variable "image_uri" {
  description = "The image of ../Dockerfile, target function, in a repository of ECR in this region."
  type        = string
}

variable "queue_arn" {
  description = "Output queue_arn of ../queue.tf."
  type        = string
}

variable "reader_policy_arn" {
  description = "Output reader_policy_arn of ../queue.tf."
  type        = string
}

variable "vpc_id" {
  description = "The VPC of the subnets."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, one of each availability zone, from which S3 can be reached."
  type        = list(string)
}

variable "route_table_ids" {
  description = "Route tables of the subnets, for a gateway endpoint of S3; empty when S3 can be reached already."
  type        = list(string)
  default     = []
}

variable "alert_bucket" {
  description = "Bucket that alerts are written to."
  type        = string
}

variable "min_severity" {
  description = "Write no alerts below this severity."
  type        = string
  default     = "info"
}

variable "rule_pages" {
  description = "What the URL of a rule's page begins with; empty for none."
  type        = string
  default     = ""
}

variable "alarm_topics" {
  description = "ARNs of SNS topics that hear of errors of the function, and of what it could not do."
  type        = list(string)
  default     = []
}

data "aws_partition" "current" {}

data "aws_region" "current" {}

resource "aws_efs_file_system" "lake" {
  encrypted = true
  tags      = { Name = var.name }
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_efs_backup_policy" "lake" {
  file_system_id = aws_efs_file_system.lake.id
  backup_policy {
    status = "ENABLED"
  }
}

resource "aws_efs_access_point" "lake" {
  file_system_id = aws_efs_file_system.lake.id
  posix_user {
    uid = 10001
    gid = 10001
  }
  root_directory {
    path = "/detector"
    creation_info {
      owner_uid   = 10001
      owner_gid   = 10001
      permissions = "0700"
    }
  }
}

resource "aws_efs_mount_target" "lake" {
  for_each        = toset(var.subnet_ids)
  file_system_id  = aws_efs_file_system.lake.id
  subnet_id       = each.value
  security_groups = [aws_security_group.lake.id]
}

resource "aws_security_group" "function" {
  name_prefix = "${var.name}-function-"
  description = "The function of detector; nothing comes in."
  vpc_id      = var.vpc_id
  egress {
    description = "AWS and outputs"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    description     = "the lake"
    from_port       = 2049
    to_port         = 2049
    protocol        = "tcp"
    security_groups = [aws_security_group.lake.id]
  }
}

resource "aws_security_group" "lake" {
  name_prefix = "${var.name}-lake-"
  description = "The lake of detector; only its function comes in."
  vpc_id      = var.vpc_id
}

# By itself: two groups that name each other inside cannot be made one after the other.
resource "aws_security_group_rule" "lake" {
  type                     = "ingress"
  security_group_id        = aws_security_group.lake.id
  source_security_group_id = aws_security_group.function.id
  from_port                = 2049
  to_port                  = 2049
  protocol                 = "tcp"
}

resource "aws_vpc_endpoint" "s3" {
  count             = length(var.route_table_ids) > 0 ? 1 : 0
  vpc_id            = var.vpc_id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.route_table_ids
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "function" {
  statement {
    sid       = "UseTheLake"
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    resources = [aws_efs_file_system.lake.arn]
    condition {
      test     = "StringEquals"
      variable = "elasticfilesystem:AccessPointArn"
      values   = [aws_efs_access_point.lake.arn]
    }
  }
  statement {
    sid       = "WriteAlerts"
    actions   = ["s3:PutObject"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.alert_bucket}/detector/*"]
  }
}

resource "aws_iam_role" "function" {
  name_prefix        = "${var.name}-function-"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "function" {
  name   = "lake-and-alerts"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.function.json
}

resource "aws_iam_role_policy_attachment" "network" {
  role       = aws_iam_role.function.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

resource "aws_iam_role_policy_attachment" "reader" {
  role       = aws_iam_role.function.name
  policy_arn = var.reader_policy_arn
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = 365
}

resource "aws_lambda_function" "function" {
  function_name = var.name
  description   = "CloudTrail log files into the lake, alerts out."
  package_type  = "Image"
  image_uri     = var.image_uri
  role          = aws_iam_role.function.arn
  # A lake has one writer. Others would be told to come again by the lake itself, after waiting in vain.
  reserved_concurrent_executions = 1
  timeout                        = 300
  memory_size                    = 2048
  ephemeral_storage {
    size = 1024
  }
  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [aws_security_group.function.id]
  }
  file_system_config {
    arn              = aws_efs_access_point.lake.arn
    local_mount_path = "/mnt/detector"
  }
  environment {
    variables = {
      DETECTOR_LAKE         = "/mnt/detector/lake"
      DETECTOR_WATCH_OUTPUT = "s3://${var.alert_bucket}/detector/"
      DETECTOR_MIN_SEVERITY = var.min_severity
      DETECTOR_RULE_PAGES   = var.rule_pages
    }
  }
  depends_on = [
    aws_efs_mount_target.lake,
    aws_cloudwatch_log_group.function,
    aws_iam_role_policy.function,
    aws_iam_role_policy_attachment.network,
    aws_iam_role_policy_attachment.reader,
  ]
}

resource "aws_lambda_event_source_mapping" "trigger" {
  function_name                      = aws_lambda_function.function.arn
  event_source_arn                   = var.queue_arn
  batch_size                         = 500
  maximum_batching_window_in_seconds = 5
  function_response_types            = ["ReportBatchItemFailures"]
  # The least that Lambda allows. The second batch is held back until the first is done.
  scaling_config {
    maximum_concurrency = 2
  }
}

# Also when nothing arrives: rules that wait for time to pass, and alerts that an output did not take.
resource "aws_cloudwatch_event_rule" "schedule" {
  name                = "${var.name}-schedule"
  description         = "Lets detector send what waits, and run the rules."
  schedule_expression = "rate(15 minutes)"
}

resource "aws_cloudwatch_event_target" "schedule" {
  rule = aws_cloudwatch_event_rule.schedule.name
  arn  = aws_lambda_function.function.arn
  retry_policy {
    maximum_retry_attempts       = 0
    maximum_event_age_in_seconds = 600
  }
}

resource "aws_lambda_permission" "schedule" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.schedule.arn
}

resource "aws_lambda_function_event_invoke_config" "schedule" {
  function_name                = aws_lambda_function.function.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 600
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${var.name}-errors"
  alarm_description   = "The function of detector ended in an error; its log says why. The messages come again."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.function.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 10 # when nothing arrives, only the schedule can fail: in one of three
  datapoints_to_alarm = 3
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
}

# The function writes this metric into its log. One point is enough: a damaged file is told once.
resource "aws_cloudwatch_metric_alarm" "incomplete" {
  alarm_name          = "${var.name}-incomplete"
  alarm_description   = "An output did not take alerts, a rule did not run, or a file is not as AWS signed it; the log says which."
  namespace           = "detector"
  metric_name         = "Incomplete"
  dimensions          = { FunctionName = aws_lambda_function.function.function_name }
  statistic           = "Maximum"
  period              = 900
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "ignore"
  alarm_actions       = var.alarm_topics
}

output "function_name" {
  value = aws_lambda_function.function.function_name
}

output "access_point_arn" {
  description = "Where the lake can be mounted to be asked, while the function does not run."
  value       = aws_efs_access_point.lake.arn
}

"""What is sent: SQS events, each with a check of a rule that is off and with a notification of a posture log of one failing row."""

import datetime
import json

ACCOUNT = "123456789012"
REGION = "eu-central-1"
POSTURE_BUCKET = "posture-logs"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:CloudConformity"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:intake"


def sqs_event(number: int) -> bytes:
    bodies = [_notification_of_check(number), _notification_of_object(number)]
    records = [_record(f"{number:08d}-0000-4000-8000-{index:012d}", body) for index, body in enumerate(bodies)]
    return json.dumps({"Records": records}).encode()


def posture_log(key: str) -> bytes:
    """The object under a key that `sqs_event` names: one row, of a person who is in no other object."""
    number = key.rpartition("-")[2].removesuffix(".json")
    row = {
        "timestamp": _now(),
        "email": f"person-{number}@example.com",
        "name": "disk_encryption_check",
        "passed": False,
        "details": {"expected": "enabled", "actual": "disabled", "device_id": f"DEV-{number}"},
    }
    return json.dumps(row).encode()


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _record(message_id: str, body: dict) -> dict:
    return {
        "messageId": message_id,
        "receiptHandle": f"AQEB{message_id}",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1", "SenderId": "AIDAEXAMPLE", "SentTimestamp": "1795257012000"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE,
        "awsRegion": REGION,
    }


def _notification_of_check(number: int) -> dict:
    bucket = f"example-reports-{number}"
    check = {
        "id": f"ccc:HJzFMHchx:S3-001:S3:{REGION}:{bucket}",
        "accountId": "HJzFMHchx",
        "provider": "aws",
        "cloudProviderId": ACCOUNT,
        "ruleId": "S3-001",
        "ruleTitle": "S3 Bucket Public 'READ' Access",
        "service": "S3",
        "region": REGION,
        "riskLevel": "VERY_HIGH",
        "categories": ["security"],
        "message": f"Bucket {bucket} allows public 'READ' access.",
        "resource": bucket,
        "descriptorType": "s3-bucket",
        "resourceName": "S3 Bucket",
        "status": "FAILURE",
        "extradata": [{"name": "LocationConstraint", "label": "Location constraint", "type": "META", "value": REGION}],
        "tags": ["team::finance"],
        "ccrn": f"ccrn:aws:HJzFMHchx:S3:global:{bucket}",
        "eventId": "Skzp7ra1WW",
    }
    return {
        "Type": "Notification",
        "MessageId": f"22b80b92-fdea-4c2c-8f9d-{number:012d}",
        "TopicArn": TOPIC,
        "Message": json.dumps(check),
        "Timestamp": _now(),
        "SignatureVersion": "1",
    }


def _notification_of_object(number: int) -> dict:
    key = f"logs/posture-{number:06d}.json"
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": REGION,
                "eventTime": _now(),
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "intake",
                    "bucket": {"name": POSTURE_BUCKET, "arn": f"arn:aws:s3:::{POSTURE_BUCKET}"},
                    "object": {"key": key, "size": len(posture_log(key)), "eTag": f"{number:032x}", "sequencer": f"{number:018X}"},
                },
            }
        ]
    }

"""Call one operation with the input in a file, and print the response as JSON: `boto3_call.py METHOD FILE`."""

import json
import sys
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

if __name__ == "__main__":
    method, file = sys.argv[1:]
    client = boto3.client("sso-oidc")
    try:
        answer = getattr(client, method)(**json.loads(Path(file).read_text(encoding="utf-8")))
    except ClientError as refused:
        answer = {"error": refused.response["Error"]["Code"]}
    answer.pop("ResponseMetadata", None)
    sys.stdout.write(json.dumps(answer))

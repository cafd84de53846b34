"""The pipeline's template as AWS's own tool reads it: the SAM CLI, with its linter."""

import os
import subprocess

from anabranch_server import SAM_TOOLS, TEMPLATE


def validate(template):
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
    command = [SAM_TOOLS / "sam", "validate", "--lint", "--template-file", template]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def test_the_template_is_valid():
    done = validate(TEMPLATE)
    assert done.returncode == 0 and "is a valid SAM Template" in done.stdout, done.stdout + done.stderr


def test_the_linter_sees_a_typo(tmp_path):
    text = TEMPLATE.read_text()
    assert "RetentionPeriodHours" in text
    (tmp_path / "template.yaml").write_text(text.replace("RetentionPeriodHours", "RetentionPeriodHour", 1))
    done = validate(tmp_path / "template.yaml")
    assert done.returncode != 0 and "RetentionPeriodHour" in done.stdout + done.stderr, done.stdout

"""What Studio's apps run when they start: a script that installs `isthmus` and the team's tools.

Its names come from its content, because a lifecycle configuration cannot be changed, only replaced.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from aws_cdk import AssetStaging, FileAssetPackaging, Stack
from constructs import Construct

import isthmus
from cdk.parts.lambda_asset import code_folder
from isthmus import names
from isthmus.config import Platform
from isthmus.resource_types import aws_sagemaker

HERE = Path(__file__).parents[1] / "studio"


class Script(Construct):
    """The script as the ARNs of lifecycle configurations, and the ARN of the file that it installs."""

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, "Script")
        bucket, key = self._publish()
        self.isthmus_arn = f"arn:aws:s3:::{bucket}/{key}"
        content = _content(
            ISTHMUS=f"s3://{bucket}/{key}",
            EXPERIMENTS=names.experiment_bucket(platform),
            PLATFORM=platform.name,
        )
        self.jupyter_lab = self._config(platform, "JupyterLab", content)
        self.code_editor = self._config(platform, "CodeEditor", content)

    def _publish(self) -> tuple[str, str]:
        """Where the deployment puts `isthmus` and what it needs."""
        stack = Stack.of(self)
        code = code_folder(Path(isthmus.__file__).parent, HERE / "requirements.txt")
        staged = AssetStaging(self, "Isthmus", source_path=str(code))
        location = stack.synthesizer.add_file_asset(
            source_hash=staged.asset_hash,
            packaging=FileAssetPackaging.ZIP_DIRECTORY,
            file_name=staged.relative_staged_path(stack),
        )
        return location.bucket_name, location.object_key

    def _config(self, platform: Platform, app: str, content: str) -> str:
        digest = hashlib.sha256(content.encode()).hexdigest()
        made = aws_sagemaker.CfnStudioLifecycleConfig(
            self,
            app,
            studio_lifecycle_config_app_type=app,
            studio_lifecycle_config_content=base64.b64encode(content.encode()).decode(),
            studio_lifecycle_config_name=names.lifecycle_config(platform, app, digest),
        )
        arn: str = made.attr_studio_lifecycle_config_arn
        return arn


def _content(**variables: str) -> str:
    said = "".join(f"{name}={value}\n" for name, value in variables.items())
    return f"#!/bin/bash\n{said}{(HERE / 'start.sh').read_text()}"

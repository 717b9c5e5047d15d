"""Checks credentials and libraries of remote file systems before Beam looks for them."""

from functools import cache

from lengthwise.errors import EnvironmentFailure


@cache
def check_credentials(scheme: str) -> None:
    """Fails immediately if credentials or libraries are missing; Beam would retry for minutes.

    Beam's file systems must have their options.

    Raises:
        EnvironmentFailure: they are missing; the message says what to do.
    """
    if scheme == "s3":
        _check_aws()
    elif scheme == "gs":
        _check_google()


def _check_aws() -> None:
    try:
        from apache_beam.io.filesystems import FileSystems
        from apache_beam.options.pipeline_options import S3Options
        from botocore.session import Session
    except ImportError as error:
        raise EnvironmentFailure('s3:// needs Beam\'s AWS parts: pip install "lengthwise[aws]"') from error
    access_key = FileSystems._pipeline_options.view_as(S3Options).s3_access_key_id
    if not access_key and Session().get_credentials() is None:
        raise EnvironmentFailure(
            "s3://: found no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or configure a profile"
        )


def _check_google() -> None:
    try:
        import google.auth
        from apache_beam.io.filesystems import FileSystems
        from apache_beam.io.gcp import gcsfilesystem  # noqa: F401 (reads gs://)
        from apache_beam.options.pipeline_options import GoogleCloudOptions
        from google.auth.exceptions import GoogleAuthError
    except ImportError as error:
        raise EnvironmentFailure('gs:// needs Beam\'s Google parts: pip install "lengthwise[gcp]"') from error
    if FileSystems._pipeline_options.view_as(GoogleCloudOptions).no_auth:  # a public bucket
        return
    try:
        google.auth.default()
    except GoogleAuthError as error:
        raise EnvironmentFailure(
            "gs://: found no Google credentials; run `gcloud auth application-default login`, or set "
            f"GOOGLE_APPLICATION_CREDENTIALS to a service account's key file ({str(error).rstrip('.')})"
        ) from error

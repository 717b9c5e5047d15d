"""`Service`: how a data set is read through a tf.data service."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lengthwise.columns.column_base import Spec
from lengthwise.storage.files import is_remote


class Service(Spec):
    """Where a tf.data service is, and how its consumers share a data set.

    Attributes:
        address: of the dispatcher, such as `grpc://10.0.0.2:5050`.
        mode: `dynamic` sends each record to one consumer, once per epoch. `coordinated` has no end, and sends all
            consumers batches of the same bucket in the same step, for synchronous training.
        job_name: consumers with the same name share the data. None: this reader reads all of it.
        num_consumers: the number of consumers with the name.
        consumer_index: the number of this consumer, from 0.
        ledger: a folder that all consumers of a `dynamic` job can access: each writes there how many records it
            received, so that the last can detect lost records. Not needed with one consumer. Use a name for one
            training only; all its consumers must have the same options and the same number of iterations.
        timeout_s: how long a consumer waits for a batch before it fails, at least 1 s; more than the workers need to
            start. None waits forever, as tf.data service itself does for a dead worker.
    """

    address: str = Field(min_length=1)
    mode: Literal["dynamic", "coordinated"] = "dynamic"
    job_name: str | None = None
    num_consumers: int = Field(default=1, ge=1)
    consumer_index: int = Field(default=0, ge=0)
    ledger: str | None = None
    timeout_s: float | None = Field(default=600.0, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.consumer_index >= self.num_consumers:
            raise ValueError(f"expected a consumer_index below {self.num_consumers}, received {self.consumer_index}")
        if self.num_consumers > 1 and self.job_name is None:
            raise ValueError("expected a job_name, the same for all consumers")
        if self.ledger is not None and is_remote(self.ledger) and not self.ledger.startswith("gs://"):
            raise ValueError(
                f"expected a ledger that TensorFlow can write: in a folder or gs://, received {self.ledger}"
            )
        return self

    @property
    def target(self) -> str:
        """The address with its protocol."""
        return self.address if "://" in self.address else f"grpc://{self.address}"

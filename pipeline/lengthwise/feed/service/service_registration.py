"""One job of a tf.data service: a data set, registered with the dispatcher and read by the job's name.

TensorFlow's `distribute` takes a constant for a name, hence one order for all iterations of a dataset. The ops beneath
it take a tensor, so that each epoch has a name of its own.
"""

from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import data_service_pb2

from lengthwise.feed.datasets.epochs import plain, with_options
from lengthwise.feed.datasets.parallelism import threads
from lengthwise.feed.options.service_options import Service


def read_job(dataset: Any, service: Service, name: Any) -> Any:
    """The dataset's elements from the service's workers.

    Args:
        dataset: what they make; in mode `dynamic` its source is what the dispatcher hands out.
        service: which.
        name: of the job, a string or a string tensor. Readers of one name share the elements.
    """
    coordinated = service.mode == "coordinated"
    modes = data_service_pb2.ProcessingModeDef
    mode = modes(sharding_policy=modes.OFF if coordinated else modes.DYNAMIC)
    metadata = data_service_pb2.DataServiceMetadata(compression=data_service_pb2.DataServiceMetadata.COMPRESSION_SNAPPY)
    protocol, _, address = service.target.partition("://")
    where = {"address": address, "protocol": protocol}
    spec = dataset.element_spec
    parts = tf.nest.flatten(spec)
    flat = {"output_types": [part.dtype for part in parts], "output_shapes": [part.shape for part in parts]}

    def compress(element: Any) -> Any:
        return tf.raw_ops.CompressElement(components=tf.nest.flatten(element))

    @tf.function(input_signature=[tf.TensorSpec([], tf.variant)], autograph=False)
    def uncompress(element: Any) -> Any:
        return tf.raw_ops.UncompressElement(compressed=element, **flat)

    compressed = with_options(dataset.map(plain(compress), num_parallel_calls=threads()))
    identifier = tf.raw_ops.RegisterDatasetV2(
        dataset=tf.data.experimental.to_variant(compressed),
        external_state_policy=tf.data.experimental.ExternalStatePolicy.IGNORE.value,
        metadata=metadata.SerializeToString(),
        **where,
    )
    variant = tf.raw_ops.DataServiceDatasetV4(
        dataset_id=identifier,
        processing_mode=mode.SerializeToString(),
        **where,
        job_name=name,
        consumer_index=tf.constant(service.consumer_index if coordinated else -1, tf.int64),
        num_consumers=tf.constant(service.num_consumers if coordinated else -1, tf.int64),
        max_outstanding_requests=tf.constant(tf.data.AUTOTUNE, tf.int64),
        iteration_counter=tf.raw_ops.DummyIterationCounter(),
        uncompress=True,
        uncompress_fn=uncompress.get_concrete_function(),
        **flat,
    )
    return tf.data.experimental.from_variant(variant, spec)

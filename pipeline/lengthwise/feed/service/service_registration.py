"""One job of a tf.data service: a data set, registered with the dispatcher and read by the job's name.

TensorFlow's `distribute` requires a constant name, and so has one order for all iterations of a dataset. Its ops accept
a tensor, so that each epoch has a separate name.
"""

import tensorflow as tf
from tensorflow.core.protobuf import data_service_pb2

from lengthwise.feed.datasets.epochs import with_options, without_autograph
from lengthwise.feed.datasets.parallelism import threads
from lengthwise.feed.options.service_options import Service
from lengthwise.tensor.tensor_types import Dataset, Structure, Tensor


def read_job(dataset: Dataset, service: Service, name: Tensor | str) -> Dataset:
    """The dataset's elements from the service's workers.

    Args:
        dataset: the dataset that the workers run; in mode `dynamic` the dispatcher assigns the elements of its source.
        service: the service.
        name: of the job, a string or a string tensor. Readers with the same name share the elements.
    """
    coordinated = service.mode == "coordinated"
    modes = data_service_pb2.ProcessingModeDef
    mode = modes(sharding_policy=modes.OFF if coordinated else modes.DYNAMIC)
    metadata = data_service_pb2.DataServiceMetadata(compression=data_service_pb2.DataServiceMetadata.COMPRESSION_SNAPPY)
    protocol, _, address = service.target.partition("://")
    dispatcher = {"address": address, "protocol": protocol}
    spec = dataset.element_spec
    parts = tf.nest.flatten(spec)
    flat = {"output_types": [part.dtype for part in parts], "output_shapes": [part.shape for part in parts]}

    def compress(element: Structure) -> Tensor:
        return tf.raw_ops.CompressElement(components=tf.nest.flatten(element))

    @tf.function(input_signature=[tf.TensorSpec([], tf.variant)], autograph=False)
    def uncompress(element: Tensor) -> Tensor:
        return tf.raw_ops.UncompressElement(compressed=element, **flat)

    compressed = with_options(dataset.map(without_autograph(compress), num_parallel_calls=threads()))
    identifier = tf.raw_ops.RegisterDatasetV2(
        dataset=tf.data.experimental.to_variant(compressed),
        external_state_policy=tf.data.experimental.ExternalStatePolicy.IGNORE.value,
        metadata=metadata.SerializeToString(),
        **dispatcher,
    )
    variant = tf.raw_ops.DataServiceDatasetV4(
        dataset_id=identifier,
        processing_mode=mode.SerializeToString(),
        **dispatcher,
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

"""The embedding tables of a Keras layer."""

from collections.abc import Iterable

import keras

from lengthwise.layers.planning.layer_plan import LayerPlan, tables_of
from lengthwise.layers.tables.checkpoint_weights import initial_weights
from lengthwise.layers.tables.table_memory import require_memory


def add_tables(layer: keras.layers.Layer, plans: Iterable[LayerPlan]) -> dict[str, keras.Variable]:
    """Adds the tables of the plans to the layer's weights, shared ones once, and returns them by name.

    Raises:
        ConfigError: two different tables have one name, or they are larger than this machine's memory.
    """
    tables = tables_of(column for plan in plans for column in plan.columns)
    require_memory(tables)
    return {
        name: layer.add_weight(
            name=f"{name}_weights".replace("/", "_"),
            shape=table.shape,
            initializer=initial_weights(table),
            trainable=table.spec.trainable,
            autocast=False,
        )
        for name, table in tables.items()
    }

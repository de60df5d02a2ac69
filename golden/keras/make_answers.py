#!/usr/bin/env python3
"""Writes what an installed Keras computes: for maintainers, not for CI.

usage: KERAS_BACKEND=jax|tensorflow make_answers.py FILE
Needs keras 3, tensorflow (the shuffles are tf.data's) and, for its backend, jax.
"""
import hashlib
import json
import os
import sys

import numpy

os.environ.setdefault("JAX_THREEFRY_PARTITIONABLE", "0")  # the layout of the published numbers
import keras
import tensorflow


def digest(array):
    return hashlib.sha256(numpy.ascontiguousarray(array).tobytes()).hexdigest()


def initializers():
    names = ["RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "GlorotNormal",
             "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform"]
    asked = [(name, {}, seed, shape) for name in names
             for seed, shape in [(0, [1000, 1000]), (7, [999, 3]), (2147483645, [5, 7, 3]),
                                 (2147483646, [17]), (2147483647, [2, 2, 2, 3, 5]),
                                 (4294967295, []), (123456789, [64, 65])]]
    for mode in ["fan_in", "fan_out", "fan_avg"]:
        for distribution in ["normal", "truncated_normal", "untruncated_normal", "uniform"]:
            options = {"scale": 0.3, "mode": mode, "distribution": distribution}
            asked.append(("VarianceScaling", options, 42, [3, 5, 7, 11]))
    asked += [("RandomNormal", {"mean": 0.7, "stddev": 0.3}, 42, [301]),
              ("TruncatedNormal", {"mean": -0.7, "stddev": 1.3}, 42, [301]),
              ("RandomUniform", {"minval": 0.1, "maxval": 0.7}, 42, [301])]
    for name, options, seed, shape in asked:
        values = getattr(keras.initializers, name)(seed=seed, **options)(shape)
        values = keras.ops.convert_to_numpy(values)
        assert values.dtype == numpy.float32
        yield {"name": name, "options": {k: str(v) for k, v in options.items()}, "seed": seed,
               "shape": shape, "sha256": digest(values)}


def masks():
    # With seed 31 one of a million uniforms is the rate itself, on either backend.
    for seed, n, rate in [(42, 1000, 0.1), (812, 1001, 0.5), (2147483646, 7, 0.2),
                          (4294967295, 4096, 0.9), (5, 3333, 0.25), (31, 1000000, 0.5)]:
        layer = keras.layers.Dropout(rate, seed=seed)
        for call in range(3):
            kept = keras.ops.convert_to_numpy(layer(numpy.ones(n, "float32"), training=True)) != 0
            yield {"seed": seed, "call": call, "n": n, "rate": rate,
                   "sha256": digest(kept.astype("uint8"))}


def seeds():
    """Layer seeds, and some NumPy values, in the order in which a program meets them."""
    for seed in [0, 42, 812, 2147483647, 4294967295]:
        keras.utils.set_random_seed(seed)
        layers = [keras.layers.Dropout(0.5).seed_generator, keras.initializers.GlorotUniform(),
                  keras.initializers.HeNormal()]
        drawn = [int(keras.ops.convert_to_numpy(layers[0].state)[0])]
        drawn += [layer.seed for layer in layers[1:]]
        rand = numpy.random.rand(700)[[0, 1, 2, 699]].tolist()
        yield {"seed": seed, "layers": drawn, "numpy": rand}


def shuffles():
    """Five shuffle()s after one set_random_seed, three iterators of each."""
    for seed in [0, 42, 812, 2147483647, 4294967295]:
        for reshuffle in [True, False]:
            keras.utils.set_random_seed(seed)
            for place, op_seed in enumerate([None, 0, None, 7, 2147483647]):
                n, buffer = 23, [23, 7, 5, 22, 100][place]
                data = tensorflow.data.Dataset.range(n).shuffle(
                    buffer, seed=op_seed, reshuffle_each_iteration=reshuffle)
                yield {"seed": seed, "place": place, "op_seed": op_seed, "n": n, "buffer": buffer,
                       "reshuffle_each_iteration": reshuffle,
                       "orders": [[int(i) for i in data.as_numpy_iterator()] for _ in range(3)]}


def main():
    answers = {"initializers": list(initializers()), "masks": list(masks())}
    if keras.backend.backend() == "tensorflow":
        answers.update({"seeds": list(seeds()), "shuffles": list(shuffles())})
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        parts = [json.dumps(key) + ": [\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]"
                 for key, rows in answers.items()]
        file.write("{\n" + ",\n".join(parts) + "\n}\n")


main()

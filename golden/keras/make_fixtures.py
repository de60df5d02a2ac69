#!/usr/bin/env python3
"""Writes again the files here from an installed Keras, and says which arrays came out otherwise.
For maintainers, not for CI.

usage: KERAS_BACKEND=jax|tensorflow make_fixtures.py NEW_DIRECTORY      exit code 1: some did
Needs keras 3, tensorflow (the shuffles and the resizing are its own) and, for its backend, jax.
Left out: the losses, whose bits vary with threads and processors, and known_answers.json.
"""
import hashlib
import json
import os
import pathlib
import re
import sys

import numpy

os.environ.setdefault("JAX_THREEFRY_PARTITIONABLE", "0")  # the layout of the published numbers
import keras
import tensorflow

HERE = pathlib.Path(__file__).parent
BACKEND = {"jax": "jax", "tensorflow": "tf"}[keras.backend.backend()]
RANDOM = ["RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "GlorotNormal",
          "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform"]


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def cnn():
    layers = keras.layers
    return keras.Sequential([
        keras.Input((32, 32, 1)),
        layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Dropout(0.2),
        layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Dropout(0.2),
        layers.Conv2D(32, 3, activation="relu"), layers.GlobalAveragePooling2D(),
        layers.Dense(64, activation="relu"), layers.Dropout(0.2),
        layers.Dense(10, activation="softmax")])


def drawn_seed(layer):
    return int(array(layer.seed_generator.state)[0])


def small_initializers(old):
    """The names say how: NAME_SEED_SHAPE."""
    new = {}
    for key in old:
        name, seed, shape = key.split("_")
        initializer = getattr(keras.initializers, name)(seed=int(seed))
        new[key] = array(initializer([int(size) for size in shape.split("x")]))
    return new


def cnn_weights(old):
    """By the names that the file has, in its order."""
    keras.utils.set_random_seed(812)
    names = [name for name in old if name.startswith("w")]
    return dict(zip(names, map(array, cnn().weights)))


def cnn_dropouts(old):
    """The inputs are the file's."""
    keras.utils.set_random_seed(812)
    drops = [layer for layer in cnn().layers if isinstance(layer, keras.layers.Dropout)]
    new = {}
    for i, layer in enumerate(drops):
        x = old["x" if "x" in old else f"drop{i}_x"]
        for call in range(3):
            y = array(layer(x, training=True))
            new[f"drop{i}_call{call}_y"] = y
            if f"drop{i}_call{call}_keep" in old:
                ones = array(keras.random.dropout(
                    numpy.ones_like(x), 0.2, seed=seed_at(drawn_seed(layer), call)))
                new[f"drop{i}_call{call}_keep"] = numpy.packbits(ones.ravel() != 0)
    return new


def seed_at(seed, call):
    """A generator as it is before its draw number `call`."""
    generator = keras.random.SeedGenerator(seed)
    for _ in range(call):
        generator.next()
    return generator


def recipe_order(old):
    """Two initializers without seeds come before the model."""
    keras.utils.set_random_seed(812)
    first = [array(keras.initializers.GlorotNormal()((3, 5))) for _ in range(2)]
    names = [name for name in old if name.startswith(("glorot", "w"))]
    return dict(zip(names, first + [array(weight) for weight in cnn().weights]))


def shuffle_orders(old):
    """The names say how: seedS_nN[_bufferB], a buffer of N if none is named."""
    new = {}
    for name in old:
        told = {key: int(value) for key, value in re.findall("([a-z]+)([0-9]+)", name)}
        keras.utils.set_random_seed(told["seed"])
        data = tensorflow.data.Dataset.range(told["n"]).shuffle(told.get("buffer", told["n"]))
        new[name] = numpy.array([list(data.as_numpy_iterator()) for _ in range(4)])
    return new


def resized(old):
    """The image is the file's; the name of an output is its size, 32x32 if none is named."""
    new = {}
    for name in old:
        if name.startswith("out"):
            size = [int(n) for n in name[4:].split("x")] if "x" in name else [32, 32]
            image = tensorflow.constant(old["img"])[..., None] / 255
            new[name] = tensorflow.image.resize(image, size).numpy()[..., 0]
    return new


def digest(values):
    return hashlib.sha256(numpy.ascontiguousarray(values).tobytes()).hexdigest()


def initializers():
    asked = [(name, {}, seed, shape) for name in RANDOM
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
        values = array(getattr(keras.initializers, name)(seed=seed, **options)(shape))
        assert values.dtype == numpy.float32
        yield {"name": name, "options": {k: str(v) for k, v in options.items()}, "seed": seed,
               "shape": shape, "sha256": digest(values)}


def masks():
    # With seed 31 one of a million uniforms is the rate itself, on either backend.
    for seed, n, rate in [(42, 1000, 0.1), (812, 1001, 0.5), (2147483646, 7, 0.2),
                          (4294967295, 4096, 0.9), (5, 3333, 0.25), (31, 1000000, 0.5)]:
        layer = keras.layers.Dropout(rate, seed=seed)
        for call in range(3):
            kept = array(layer(numpy.ones(n, "float32"), training=True)) != 0
            yield {"seed": seed, "call": call, "n": n, "rate": rate,
                   "sha256": digest(kept.astype("uint8"))}


def seeds():
    """Layer seeds, and some NumPy values, in the order in which a program meets them."""
    for seed in [0, 42, 812, 2147483647, 4294967295]:
        keras.utils.set_random_seed(seed)
        drawn = [drawn_seed(keras.layers.Dropout(0.5)), keras.initializers.GlorotUniform().seed,
                 keras.initializers.HeNormal().seed]
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


def answers():
    made = {"initializers": list(initializers()), "masks": list(masks())}
    if BACKEND == "tf":
        made.update({"seeds": list(seeds()), "shuffles": list(shuffles())})
    parts = [json.dumps(key) + ": [\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]"
             for key, rows in made.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir()
    makers = {f"{BACKEND}_initializers_small.npz": small_initializers,
              f"{BACKEND}_init_weights_seed812.npz": cnn_weights,
              f"{BACKEND}_dropout_seed812.npz": cnn_dropouts}
    if BACKEND == "tf":
        makers.update({"tf_recipe_order_seed812.npz": recipe_order,
                       "tf_shuffle_orders.npz": shuffle_orders,
                       "tf_shuffle_buffers.npz": shuffle_orders,
                       "tf_resize_28to32.npz": resized, "tf_resize_sizes.npz": resized})
    moved = False
    for name, maker in makers.items():
        old = dict(numpy.load(HERE / name))
        new = maker(old)
        numpy.savez(out / name, **{**old, **new})
        other = [key for key in new if key not in old or old[key].tobytes() != new[key].tobytes()]
        moved = moved or bool(other)
        print(f"{name}: {len(new)} arrays made again, otherwise: {' '.join(other) or 'none'}")
    name = f"{BACKEND}_answers.json"
    (out / name).write_text(answers(), encoding="utf-8")
    same = (out / name).read_text(encoding="utf-8") == (HERE / name).read_text(encoding="utf-8")
    print(f"{name}: {'the same' if same else 'otherwise'}")
    sys.exit(1 if moved or not same else 0)


main()

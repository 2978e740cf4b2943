"""Small programs of four families, drawn at random and built in JAX: what is measured and learned.

Besides, operators that run *alone*: one convolution, a loop over one operator. Who has measured
those on a machine knows what they cost before the first program of a new family comes [1]_.

Parameters are made by numpy: `jax.random` would compile a program of its own for every shape. Their
values do not matter for run time, as long as none is so small that arithmetic slows down.

References
----------
.. [1] L. L. Zhang et al., "nn-Meter: towards accurate latency prediction of deep-learning model
   inference on diverse edge devices", MobiSys 2021, section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp, log
from typing import Any, Literal

import numpy as np

from helpers.predict.programs.describe import jax_numpy

__all__ = ["ALONE", "FAMILIES", "Program", "alone", "build", "downsized", "draw"]

FAMILIES = ("perceptron", "convolution", "transformer", "recurrent")
"""Families that programs are drawn from."""

ALONE = (
    *("convolution", "convolution to its input", "convolution to its kernel"),
    *("loop of product", "loop of addition", "loop of tanh", "loop of sigmoid"),
)
"""Operators that run alone; loops over the others than addition also ``, backwards``: the gradient
of their sum."""

CLASSES = 10  # what every program tells apart
RATE = 0.01  # learning rate: the same for all, since it moves no run time

Tree = Any
"""Arrays in lists and dictionaries, as JAX takes them."""


@dataclass(frozen=True)
class Program:
    """What a program is, as its author would say it: 0 and "" where a family has no such thing.

    Parameters
    ----------
    family : str
        One of `FAMILIES`, or "operator" for one that runs alone.
    optimiser : {"none", "sgd", "adam"}
        "none" is inference; the others are one step of training.
    batch, depth, width : int
        Examples at once; layers; units of a layer (channels of the first, for a convolution).
    inputs, kernel, size, length, heads : int
        Features of an example; edge of a kernel; edge of an image; steps of a sequence; heads.
    activation, cell : str
        "relu", "gelu" or "tanh"; "gru" or "lstm".
    operator : str
        Of "operator": one of `ALONE`.
    stride : int
        Of a convolution that runs alone.
    """

    family: str
    optimiser: Literal["none", "sgd", "adam"]
    batch: int
    depth: int
    width: int
    inputs: int = 0
    kernel: int = 0
    size: int = 0
    length: int = 0
    heads: int = 0
    activation: str = ""
    cell: str = ""
    operator: str = ""
    stride: int = 0


def draw(number: int, seed: int = 0) -> Program:
    """Return the program of a number: the families take turns, the rest is drawn.

    Parameters
    ----------
    number : int
        From 0 on; each program depends on its own number and the seed alone.
    seed : int
        Of all programs.
    """
    random = np.random.default_rng([seed, number])
    between, one = _chances(random)
    family = FAMILIES[number % len(FAMILIES)]
    optimiser = str(random.choice(["none", "none", "sgd", "adam"]))

    if family == "perceptron":
        own = {"batch": between(1, 256), "depth": one(*range(1, 8)), "width": between(16, 1024)}
        own |= {"inputs": between(8, 800), "activation": one("relu", "gelu", "tanh")}
    elif family == "convolution":
        own = {"batch": between(1, 32), "depth": one(*range(1, 6)), "width": between(4, 32)}
        own |= {"kernel": one(3, 5), "size": one(16, 24, 28, 32, 48, 64)}
        own |= {"activation": one("relu", "gelu", "tanh")}
    elif family == "transformer":
        heads = one(1, 2, 4)
        own = {"batch": between(1, 16), "depth": one(*range(1, 5)), "heads": heads}
        own |= {"width": heads * one(8, 16, 32, 48), "length": between(8, 128)}
    else:
        own = {"batch": between(1, 64), "depth": one(1, 2), "width": between(8, 256)}
        own |= {"inputs": between(4, 128), "length": between(4, 96), "cell": one("gru", "lstm")}
    return Program(family, optimiser, **own)  # type: ignore[arg-type]


def alone(number: int, seed: int = 0) -> Program:
    """Return the operator of a number, to run alone: kinds take turns, sizes are drawn.

    Parameters
    ----------
    number : int
        From 0 on; each operator depends on its own number and the seed alone.
    seed : int
        Of all operators.
    """
    between, one = _chances(np.random.default_rng([seed, number, 1]))
    kind = ALONE[number % len(ALONE)]
    if kind.startswith("convolution"):
        own = {"batch": between(1, 32), "inputs": between(3, 128), "width": between(4, 128)}
        own |= {"kernel": one(3, 5), "size": between(4, 64), "stride": one(1, 2)}
    else:
        kind += one("", ", backwards") if kind != "loop of addition" else ""
        own = {"batch": between(1, 64), "width": between(8, 256), "length": between(4, 96)}
    return Program("operator", "none", depth=1, operator=kind, **own)  # type: ignore[arg-type]


def _chances(random: np.random.Generator) -> tuple[Callable[[int, int], int], Callable[..., Any]]:
    """Return what draws a size, evenly on a logarithmic scale, and one of some things."""

    def between(low: int, high: int) -> int:
        return round(exp(random.uniform(log(low), log(high))))

    def one(*of: Any) -> Any:
        return of[int(random.integers(len(of)))]

    return between, one


def downsized(program: Program, parts: int) -> Program:
    """Return the same program on one of so many parts of its batch.

    Raises
    ------
    ValueError
        If the batch has fewer examples than parts.
    """
    if program.batch < parts:
        raise ValueError(
            f"batch(={program.batch}) must be at least the number of parts, {parts}: ask for fewer."
        )
    return replace(program, batch=program.batch // parts)


def build(program: Program) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a program as a function that JAX traces, and what it is called with.

    Parameters
    ----------
    program : Program
        What it is.

    Returns
    -------
    tuple
        The function and its arguments: parameters, (state of the optimiser,) examples.
    """
    random = np.random.default_rng(0)
    if program.family == "operator":
        return _convolved(program) if program.stride else _looped(program)
    forward, parameters, examples = _BUILDERS[program.family](program, random)
    if program.optimiser == "none":
        return forward, (parameters, examples)
    return _training(forward, parameters, examples, program.optimiser)


def _training(
    forward: Callable[..., Any], parameters: Tree, examples: np.ndarray, optimiser: str
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return one step of training, and what it is called with."""
    jax, jnp = jax_numpy()
    labels = np.zeros(len(examples), np.int32)

    def loss(parameters: Tree, examples: Any, labels: Any) -> Any:
        scores = jax.nn.log_softmax(forward(parameters, examples))
        return -jnp.mean(jnp.take_along_axis(scores, labels[:, None], 1))

    slope = jax.value_and_grad(loss)
    if optimiser == "sgd":

        def sgd(parameters: Tree, examples: Any, labels: Any) -> Any:
            value, change = slope(parameters, examples, labels)
            return value, jax.tree.map(lambda p, g: p - RATE * g, parameters, change)

        return sgd, (parameters, examples, labels)

    def adam(parameters: Tree, first: Tree, second: Tree, examples: Any, labels: Any) -> Any:
        value, change = slope(parameters, examples, labels)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, change)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, change)
        moved = jax.tree.map(
            lambda p, m, v: p - RATE * m / (jnp.sqrt(v) + 1e-8), parameters, first, second
        )
        return value, moved, first, second

    # Moments of ones: products of zeros with small numbers would be slow, denormal ones.
    ones = jax.tree.map(np.ones_like, parameters)
    return adam, (parameters, ones, ones, examples, labels)


def _dense(random: np.random.Generator, inputs: int, outputs: int) -> dict[str, np.ndarray]:
    """Return weights and offsets of a layer."""
    weights = random.standard_normal((inputs, outputs)) / np.sqrt(inputs)
    return {"w": weights.astype(np.float32), "b": np.zeros(outputs, np.float32)}


def _activation(name: str) -> Callable[[Any], Any]:
    """Return an activation by name."""
    jax, jnp = jax_numpy()
    return {"relu": jax.nn.relu, "gelu": jax.nn.gelu, "tanh": jnp.tanh}[name]


def _perceptron(program: Program, random: np.random.Generator) -> tuple[Any, Tree, np.ndarray]:
    """Return a multilayer perceptron."""
    sizes = [program.inputs, *[program.width] * program.depth, CLASSES]
    parameters = [_dense(random, a, b) for a, b in pairwise(sizes)]
    act = _activation(program.activation)

    def forward(parameters: Tree, x: Any) -> Any:
        for layer in parameters[:-1]:
            x = act(x @ layer["w"] + layer["b"])
        return x @ parameters[-1]["w"] + parameters[-1]["b"]

    return forward, parameters, np.ones((program.batch, program.inputs), np.float32)


def _convolution(program: Program, random: np.random.Generator) -> tuple[Any, Tree, np.ndarray]:
    """Return a convolutional network: two layers halve the image, channels double twice."""
    jax, _ = jax_numpy()
    channels = [3, *(program.width * 2 ** min(i, 2) for i in range(program.depth))]
    edge = program.kernel
    parameters = [
        {
            "w": (random.standard_normal((edge, edge, a, b)) / np.sqrt(edge * edge * a)).astype(
                "f4"
            ),
            "b": np.zeros(b, np.float32),
        }
        for a, b in pairwise(channels)
    ]
    parameters.append(_dense(random, channels[-1], CLASSES))
    act = _activation(program.activation)

    def forward(parameters: Tree, x: Any) -> Any:
        for i, layer in enumerate(parameters[:-1]):
            stride = (2, 2) if i < 2 else (1, 1)
            x = jax.lax.conv_general_dilated(
                x, layer["w"], stride, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = act(x + layer["b"])
        return x.mean((1, 2)) @ parameters[-1]["w"] + parameters[-1]["b"]

    shape = (program.batch, program.size, program.size, 3)
    return forward, parameters, np.ones(shape, np.float32)


def _transformer(program: Program, random: np.random.Generator) -> tuple[Any, Tree, np.ndarray]:
    """Return an encoder: normalised, attention and a perceptron of four times the width."""
    jax, jnp = jax_numpy()
    width, heads, length = program.width, program.heads, program.length
    parameters: list[Any] = [
        {
            "qkv": _dense(random, width, 3 * width),
            "out": _dense(random, width, width),
            "up": _dense(random, width, 4 * width),
            "down": _dense(random, 4 * width, width),
            "scales": np.ones((2, width), np.float32),
        }
        for _ in range(program.depth)
    ]
    parameters.append(_dense(random, width, CLASSES))

    def apply(layer: Tree, x: Any) -> Any:
        return x @ layer["w"] + layer["b"]

    def normalised(x: Any, scale: Any) -> Any:
        return scale * (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)

    def forward(parameters: Tree, x: Any) -> Any:
        for layer in parameters[:-1]:
            mixed = apply(layer["qkv"], normalised(x, layer["scales"][0]))
            mixed = mixed.reshape(-1, length, 3 * heads, width // heads)
            query, key, value = jnp.split(mixed, 3, 2)
            weights = jnp.einsum("bshd,bthd->bhst", query, key) / np.sqrt(width // heads)
            seen = jnp.einsum("bhst,bthd->bshd", jax.nn.softmax(weights), value)
            x = x + apply(layer["out"], seen.reshape(-1, length, width))
            raised = jax.nn.gelu(apply(layer["up"], normalised(x, layer["scales"][1])))
            x = x + apply(layer["down"], raised)
        return apply(parameters[-1], x.mean(1))

    return forward, parameters, _examples(random, program, width)


def _recurrent(program: Program, random: np.random.Generator) -> tuple[Any, Tree, np.ndarray]:
    """Return a recurrent network, each layer a scan over the sequence."""
    jax, jnp = jax_numpy()
    width = program.width
    gates = {"gru": 3, "lstm": 4}[program.cell] * width
    parameters: list[Any] = [
        {
            "x": _dense(random, program.inputs if i == 0 else width, gates),
            "h": _dense(random, width, gates),
        }
        for i in range(program.depth)
    ]
    parameters.append(_dense(random, width, CLASSES))
    sigmoid = jax.nn.sigmoid

    def gru(state: Any, a: Any, b: Any) -> Any:
        reset = sigmoid(a[:, :width] + b[:, :width])
        update = sigmoid(a[:, width : 2 * width] + b[:, width : 2 * width])
        new = jnp.tanh(a[:, 2 * width :] + reset * b[:, 2 * width :])
        return ((1 - update) * new + update * state[0],)

    def lstm(state: Any, a: Any, b: Any) -> Any:
        enter, forget, new, leave = jnp.split(a + b, 4, 1)
        memory = sigmoid(forget) * state[1] + sigmoid(enter) * jnp.tanh(new)
        return sigmoid(leave) * jnp.tanh(memory), memory

    cell, states = {"gru": (gru, 1), "lstm": (lstm, 2)}[program.cell]

    def forward(parameters: Tree, x: Any) -> Any:
        x = x.transpose(1, 0, 2)
        for layer in parameters[:-1]:

            def step(state: Any, x: Any, layer: Tree = layer) -> Any:
                a = x @ layer["x"]["w"] + layer["x"]["b"]
                state = cell(state, a, state[0] @ layer["h"]["w"] + layer["h"]["b"])
                return state, state[0]

            zero = jnp.zeros((x.shape[1], width))
            _, x = jax.lax.scan(step, (zero,) * states, x)
        return x[-1] @ parameters[-1]["w"] + parameters[-1]["b"]

    return forward, parameters, _examples(random, program, program.inputs)


def _convolved(program: Program) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a convolution, or what brings a gradient through it, and nothing else."""
    jax, _ = jax_numpy()
    image = np.ones((program.batch, program.size, program.size, program.inputs), np.float32)
    kernel = np.ones((program.kernel, program.kernel, program.inputs, program.width), np.float32)
    stride = (program.stride, program.stride)

    def convolved(image: Any, kernel: Any) -> Any:
        return jax.lax.conv_general_dilated(
            image, kernel, stride, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    if program.operator == "convolution":
        return convolved, (image, kernel)
    edge = -(-program.size // program.stride)
    change = np.ones((program.batch, edge, edge, program.width), np.float32)
    if program.operator == "convolution to its input":

        def to_input(kernel: Any, change: Any) -> Any:
            return jax.linear_transpose(lambda image: convolved(image, kernel), image)(change)

        return to_input, (kernel, change)

    def to_kernel(image: Any, change: Any) -> Any:
        return jax.linear_transpose(lambda kernel: convolved(image, kernel), kernel)(change)

    return to_kernel, (image, change)


def _looped(program: Program) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a loop over one operator, or the gradient of the sum of what it gives."""
    jax, jnp = jax_numpy()
    of = program.operator.removeprefix("loop of ").removesuffix(", backwards")
    random = np.random.default_rng(0)
    shape = (program.length, program.batch, program.width)
    steps = random.standard_normal(shape).astype(np.float32)
    weights = _dense(random, program.width, program.width)["w"]
    step = {
        "product": lambda state, _, weights: state @ weights,
        "addition": lambda state, x, _: state + x,
        "tanh": lambda state, x, _: jnp.tanh(x),
        "sigmoid": lambda state, x, _: jax.nn.sigmoid(x),
    }[of]

    def run(state: Any, steps: Any, weights: Any) -> Any:
        def body(state: Any, x: Any) -> Any:
            state = step(state, x, weights)
            return state, state

        return jax.lax.scan(body, state, steps)[1]

    if not program.operator.endswith("backwards"):
        return run, (steps[0], steps, weights)

    def total(state: Any, steps: Any, weights: Any) -> Any:
        return run(state, steps, weights).sum()

    return jax.grad(total, (0, 1, 2)), (steps[0], steps, weights)


def _examples(random: np.random.Generator, program: Program, width: int) -> np.ndarray:
    """Return sequences: of ones, a normalised layer would be all zeros."""
    shape = (program.batch, program.length, width)
    return random.standard_normal(shape).astype(np.float32)


_BUILDERS = {
    "perceptron": _perceptron,
    "convolution": _convolution,
    "transformer": _transformer,
    "recurrent": _recurrent,
}

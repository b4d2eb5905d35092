"""PyTorch and NumPy as runners: one JSON request a line on the standard input, one answer a line on file descriptor 3."""

import json
import os
import re
import sys
import time

import numpy as np

OPERATIONS = 1000
CHECKED_STEPS = 3
# Seconds of the stretches of a run that are timed by themselves.
STRETCH = 0.002


def digest(values):
    """The three numbers that work.ts makes of an array."""
    flat = np.abs(np.asarray(values, dtype=np.float64)).ravel()
    positive = np.asarray(values, dtype=np.float64).ravel().clip(min=0)
    return [flat.sum(), positive.sum(), float((flat * (np.arange(flat.size) % 97 + 1)).sum() / 97)]


def blas():
    """The BLAS library that the process has loaded, with its version where the file's name says it."""
    if not os.path.exists("/proc/self/maps"):
        return "unknown"
    with open("/proc/self/maps", encoding="utf-8") as maps:
        files = {os.path.realpath(line.split()[-1]) for line in maps if re.search(r"blas|mkl_core|blis", line.split()[-1])}
    return ", ".join(sorted(os.path.basename(file) for file in files)) or "built in"


def read_arrays(data):
    arrays, offset = {}, 0
    raw = np.fromfile(data["file"], dtype=np.uint8)
    for entry in data["arrays"]:
        size = 4 * int(np.prod(entry["shape"]))
        arrays[entry["name"]] = raw[offset : offset + size].view(entry["dtype"]).reshape(entry["shape"]).copy()
        offset += size
    return arrays


class Task:
    def __init__(self, step, check):
        self.step, self.check = step, check


def first_losses(step):
    return Task(step, lambda: [step() for _ in range(CHECKED_STEPS)])


class Numpy:
    def __init__(self, threads):
        self.versions = {"numpy": np.__version__, "numpy BLAS": blas(), "python": sys.version.split()[0]}

    def prepare(self, work, arrays):
        kind = work["kind"]
        if kind == "matmul":
            return self.matmul(work, arrays)
        if kind == "chain":
            return self.chain(work, arrays)
        if kind == "train" and work["network"] == "two-layer" and work["optimizer"] == "sgd":
            return self.two_layer(work, arrays)
        if kind == "dispatch" and work["grad"] == "off":
            return self.dispatch(arrays)
        raise NotImplementedError("has no gradients and no layers")

    def matmul(self, work, arrays):
        a = arrays["a"].T if work["layout"] == "tn" else arrays["a"]
        b = arrays["b"].T if work["layout"] == "nt" else arrays["b"]
        return Task(lambda: a @ b, lambda: digest(a @ b))

    def chain(self, work, arrays):
        a, b, c = arrays["a"], arrays["b"], arrays["c"]

        def run():
            result = np.maximum(a * b + c, 0)
            return result.sum() if work["sum"] else result

        return Task(run, lambda: digest(run()))

    def dispatch(self, arrays):
        a, b = arrays["a"], arrays["b"]

        def step():
            for _ in range(OPERATIONS):
                a + b

        return Task(step, lambda: digest(a + b))

    def two_layer(self, work, arrays):
        """The gradients written out by hand."""
        w1, b1, w2, b2 = (arrays[name] for name in ("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"))
        x, y, lr = arrays["x"], arrays["y"], np.float32(work["lr"])

        def step():
            nonlocal w1, b1, w2, b2
            before = x @ w1.T + b1
            hidden = np.maximum(before, 0)
            error = hidden @ w2.T + b2 - y
            d_output = 2 * error
            d_before = (d_output @ w2) * (before > 0)
            w2 = w2 - lr * (d_output.T @ hidden)
            b2 = b2 - lr * d_output.sum(0)
            w1 = w1 - lr * (d_before.T @ x)
            b1 = b1 - lr * d_before.sum(0)
            return float(np.square(error).sum())

        return first_losses(step)


class Torch:
    def __init__(self, threads):
        import torch

        self.torch = torch
        torch.set_num_threads(threads)
        torch.ones(2, 2) @ torch.ones(2, 2)
        self.versions = {"torch": torch.__version__, "torch BLAS": blas(), "python": sys.version.split()[0]}

    def prepare(self, work, arrays):
        kind = work["kind"]
        tensors = {name: self.torch.from_numpy(array) for name, array in arrays.items()}
        if kind == "matmul":
            return self.matmul(work, tensors)
        if kind == "chain":
            return self.chain(work, tensors)
        if kind == "train":
            return self.train(work, tensors)
        if kind == "infer":
            return self.infer(work, tensors)
        if kind == "dispatch":
            return self.dispatch(work, tensors)
        raise NotImplementedError("has no device that computes nothing")

    def matmul(self, work, tensors):
        a = tensors["a"].t() if work["layout"] == "tn" else tensors["a"]
        b = tensors["b"].t() if work["layout"] == "nt" else tensors["b"]
        return Task(lambda: a.mm(b), lambda: digest(a.mm(b)))

    def chain(self, work, tensors):
        a, b, c = tensors["a"], tensors["b"], tensors["c"]

        def run():
            result = (a * b + c).relu()
            return result.sum() if work["sum"] else result

        return Task(run, lambda: digest(run()))

    def dispatch(self, work, tensors):
        torch, grad = self.torch, work["grad"]
        a, b = tensors["a"], tensors["b"]
        if grad == "off":

            def step():
                with torch.no_grad():
                    for _ in range(OPERATIONS):
                        a + b

            return Task(step, lambda: digest(a + b))
        b.requires_grad_()
        if grad == "on":

            def step():
                for _ in range(OPERATIONS):
                    a + b

            return Task(step, lambda: digest((a + b).detach()))

        def step():
            b.grad = None
            total = a
            for _ in range(OPERATIONS):
                total = total + b
            total.backward()
            return total

        return Task(step, lambda: digest(step().detach()) + digest(b.grad))

    def network(self, name, tensors):
        """The module and what makes outputs of inputs; weights are loaded in the order of the parameters."""
        nn = self.torch.nn
        if name == "two-layer":
            module = nn.Sequential(nn.Linear(1000, 100), nn.ReLU(), nn.Linear(100, 10))
        elif name == "mlp":
            module = nn.Sequential(
                nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
            )
        elif name == "cnn":
            module = nn.Sequential(
                nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10),
            )  # fmt: skip
        elif name == "lenet":
            module = nn.Sequential(
                nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
                nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
            )  # fmt: skip
        elif name == "transformer":
            model = tensors["x"].shape[2]
            feedforward = tensors["linear1.weight"].shape[0]
            module = nn.TransformerEncoderLayer(model, 4, feedforward, dropout=0, batch_first=True)
        else:
            module = nn.LSTM(tensors["x"].shape[2], tensors["hh.weight"].shape[1])
        values = [tensor for key, tensor in tensors.items() if "." in key]
        with self.torch.no_grad():
            for parameter, value in zip(module.parameters(), values, strict=True):
                parameter.copy_(value)
        return module, (lambda x: module(x)[0]) if name == "lstm" else module

    def loss(self, name):
        functional = self.torch.nn.functional
        if name == "two-layer":
            return lambda output, y: functional.mse_loss(output, y, reduction="sum")
        return functional.mse_loss if name in ("transformer", "lstm") else functional.cross_entropy

    def train(self, work, tensors):
        torch, name = self.torch, work["network"]
        module, forward = self.network(name, tensors)
        loss_of = self.loss(name)
        x, y = tensors["x"], tensors["y"]
        if name in ("mlp", "cnn", "lenet"):
            y = y.long()
        if work["optimizer"] == "none":

            def gradients():
                module.zero_grad(set_to_none=True)
                loss = loss_of(forward(x), y)
                loss.backward()
                return loss.item()

            return Task(
                gradients,
                lambda: [gradients()] + [number for p in module.parameters() for number in digest(p.grad)],
            )
        make = torch.optim.SGD if work["optimizer"] == "sgd" else torch.optim.Adam
        optimizer = make(module.parameters(), lr=work["lr"])

        def step():
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(forward(x), y)
            loss.backward()
            optimizer.step()
            return loss.item()

        return first_losses(step)

    def infer(self, work, tensors):
        module, forward = self.network(work["network"], tensors)
        module.eval()
        x = tensors["x"]

        def step():
            with self.torch.no_grad():
                return forward(x).numpy()

        return Task(step, lambda: digest(step()))


def resident():
    """Resident memory in MB; where the system does not tell, the most there has been."""
    if not os.path.exists("/proc/self/statm"):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    with open("/proc/self/statm", encoding="utf-8") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Server:
    def __init__(self):
        self.runner, self.task, self.repeats = None, None, 1

    def start(self, request):
        self.runner = {"torch": Torch, "numpy": Numpy}[request["runner"]](request["threads"])
        return {"versions": self.runner.versions}

    def prepare(self, request):
        self.repeats = request["repeats"]
        self.task = self.runner.prepare(request["work"], read_arrays(request["data"]))
        return {"values": [float(value) for value in self.task.check()]}

    def run(self, request):
        """The milliseconds of one repeat over the run, and over the best stretch of it."""
        step, seconds, steps = self.task.step, request["milliseconds"] / 1000, 0
        begun = stretch = time.perf_counter()
        stretch_steps, best = 0, float("inf")
        while True:
            step()
            steps += 1
            now = time.perf_counter()
            is_over = now - begun >= seconds
            if now - stretch < STRETCH and not is_over:
                continue
            if now - stretch >= STRETCH or stretch == begun:
                best = min(best, (now - stretch) / (steps - stretch_steps))
            if is_over:
                scale = 1000 / self.repeats
                return {"value": (now - begun) / steps * scale, "best": best * scale}
            stretch, stretch_steps = now, steps

    def memory(self, request):
        steps, sizes = request["steps"], [resident()]
        every = -(-steps // 10)
        for i in range(1, steps + 1):
            self.task.step()
            if i % every == 0:
                sizes.append(resident())
        return {"values": sizes}


def main():
    server = Server()
    with os.fdopen(3, "w", encoding="utf-8") as channel:
        for line in sys.stdin:
            request = json.loads(line)
            try:
                answer = getattr(server, request["method"])(request)
            except NotImplementedError as error:
                answer = {"error": str(error), "unsupported": True}
            except Exception as error:  # Whatever a library raises is the answer.
                answer = {"error": f"{type(error).__name__}: {error}".split("\n")[0]}
            channel.write(json.dumps(answer) + "\n")
            channel.flush()


main()

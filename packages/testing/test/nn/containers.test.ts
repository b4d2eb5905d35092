import "@sconce/autograd";
import "@sconce/backend-cpu";
import { ones, type Tensor } from "@sconce/core";
import * as nn from "@sconce/nn";
import { describe, expect, it } from "vitest";

const layers = (n: number): nn.Linear[] => Array.from({ length: n }, () => new nn.Linear(2, 2));

describe("Sequential", () => {
  it("takes layers, a record, a map or pairs, and runs them in order", () => {
    const a = new nn.Linear(2, 3);
    const b = new nn.Linear(3, 1);
    const forms = [
      new nn.Sequential(a, new nn.ReLU(), b),
      new nn.Sequential({ first: a, act: new nn.ReLU(), last: b }),
      new nn.Sequential(
        new Map<string, nn.Module>([
          ["first", a],
          ["act", new nn.ReLU()],
          ["last", b],
        ]),
      ),
      new nn.Sequential([
        ["first", a],
        ["act", new nn.ReLU()],
        ["last", b],
      ]),
    ];
    const expected = b(a(ones([4, 2])).relu()).tolistSync();
    for (const net of forms) expect(net(ones([4, 2])).tolistSync()).toEqual(expected);
    expect(Object.keys(forms[0].stateDict())).toEqual(["0.weight", "0.bias", "2.weight", "2.bias"]);
    for (const net of forms.slice(1))
      expect(Object.keys(net.stateDict())).toEqual(["first.weight", "first.bias", "last.weight", "last.bias"]);
  });

  it("is reached by position and by name, and keeps names that look like positions", () => {
    const [a, b, c] = layers(3);
    const net = new nn.Sequential({ x: a, y: b, z: c });
    expect([net[0], net[2], net.at(-1), net.length]).toEqual([a, c, c, 3]);
    expect((net as unknown as { y: nn.Module }).y).toBe(b);
    expect([...net]).toEqual([a, b, c]);
    const slice = new nn.Sequential(a, b, c).slice(1);
    expect(slice.namedChildren()).toEqual([
      ["1", b],
      ["2", c],
    ]);
    expect([slice[0], slice[1], slice[2]]).toEqual([b, c, undefined]);
    expect(() => net.at(3)).toThrow("at: index 3 is out of range of 3 items");
  });

  it("grows, shrinks and has layers replaced", () => {
    const [a, b, c, d] = layers(4);
    const net = new nn.Sequential(a, b).append(c).insert(1, d);
    expect([...net]).toEqual([a, d, b, c]);
    expect(net.pop(0)).toBe(a);
    net[0] = a;
    expect([...net]).toEqual([a, b, c]);
    expect(net.namedChildren().map(([name]) => name)).toEqual(["0", "1", "2"]);
    expect(net[3]).toBeUndefined();
    // A slice has names "1" and "2"; a new layer must not replace one of them.
    expect(net.slice(1).append(d).namedChildren()).toEqual([
      ["1", b],
      ["2", c],
      ["3", d],
    ]);
  });

  it("can be subclassed, with fields of its own", () => {
    class Classifier extends nn.Sequential {
      temperature = new nn.Parameter(ones([1]));
      constructor() {
        super(new nn.Linear(2, 3), new nn.Softmax(1));
      }
      override forward(x: Tensor): Tensor {
        return super.forward(x.div(this.temperature));
      }
    }
    const net = new Classifier();
    expect(
      net(ones([4, 2]))
        .sum(1)
        .tolistSync(),
    ).toEqual([1, 1, 1, 1].map((x) => expect.closeTo(x, 5)));
    expect(net.namedParameters().map(([name]) => name)).toEqual(["temperature", "0.weight", "0.bias"]);
    expect(String(net)).toBe("Classifier(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n  (1): Softmax(dim=1)\n)");
  });

  it("refuses what is no module and names that cannot be keys", () => {
    expect(() => new nn.Sequential(new nn.ReLU(), 1 as never)).toThrow("number is not a Module subclass");
    expect(() => new nn.Sequential({ "a.b": new nn.ReLU() })).toThrow('module name can\'t contain ".", got: a.b');
  });
});

describe("ModuleList and ModuleDict", () => {
  it("hold modules that the module above finds", () => {
    class Net extends nn.Module {
      list = new nn.ModuleList(layers(2));
      dict = new nn.ModuleDict({ b: new nn.Linear(2, 1), a: new nn.ReLU() });
      forward(x: Tensor): Tensor {
        let y = x;
        for (const layer of this.list) y = layer(y);
        return this.dict.get("b")(y);
      }
    }
    const net = new Net();
    expect(net(ones([4, 2])).shape).toEqual([4, 1]);
    expect(Object.keys(net.stateDict())).toEqual([
      "list.0.weight",
      "list.0.bias",
      "list.1.weight",
      "list.1.bias",
      "dict.b.weight",
      "dict.b.bias",
    ]);
    expect(() => (net.list as unknown as () => void)()).toThrow('Module [ModuleList] is missing the required "forward" function');
  });

  it("of names give back what is taken out", () => {
    const [a, b] = layers(2);
    const dict = new nn.ModuleDict({ a, b });
    expect(dict.pop("a")).toBe(a);
    expect([...dict.keys()]).toEqual(["b"]);
    expect(() => dict.pop("a")).toThrow(/no item "a"/);
  });

  it("of names act as a Map, and as properties", () => {
    const [a, b] = layers(2);
    const dict = new nn.ModuleDict<nn.Module>({ a }).set("b", b).update({ c: new nn.ReLU() });
    expect([...dict.keys()]).toEqual(["a", "b", "c"]);
    expect([dict.size, dict.has("b"), dict.delete("b"), dict.delete("b"), dict.has("b")]).toEqual([3, true, true, false, false]);
    expect((dict as unknown as { a: nn.Module; b: unknown }).a).toBe(a);
    expect((dict as unknown as { b: unknown }).b).toBeUndefined();
    expect(() => dict.get("b")).toThrow('get: no item "b"; there are: a, c');
    dict.clear();
    expect([...dict]).toEqual([]);
  });
});

describe("ParameterList and ParameterDict", () => {
  it("make parameters of tensors and print them", () => {
    const list = new nn.ParameterList([ones([4, 4]), new nn.Parameter(ones([2]))]).append(ones([1]));
    expect(list.parameters()).toHaveLength(3);
    expect(list[0].requiresGrad).toBe(true);
    expect(String(list)).toBe(
      "ParameterList(\n" +
        "    (0): Parameter containing: [torch.float32 of size 4x4]\n" +
        "    (1): Parameter containing: [torch.float32 of size 2]\n" +
        "    (2): Parameter containing: [torch.float32 of size 1]\n)",
    );
    const dict = new nn.ParameterDict({ left: ones([2, 3]), right: ones([1]) });
    expect(Object.keys(dict.stateDict())).toEqual(["left", "right"]);
    expect(() => list.append(1 as never)).toThrow("expected tensors, got number");
  });
});

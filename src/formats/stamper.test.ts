import { expect, test } from "bun:test";
import fc from "fast-check";
import { byteString } from "../units/units.ts";
import { STAMP_SIZE, Stamper } from "./stamper.ts";
import { decodeTai64n, encodeTai64n } from "./tai64n.ts";

function stamp(seconds: bigint, nanoseconds: number): string {
  const bytes = new Uint8Array(STAMP_SIZE + 4).fill(0x2e);
  const stamper = new Stamper();
  stamper.set({ seconds, nanoseconds });
  stamper.put(new DataView(bytes.buffer), 2);
  return byteString(bytes);
}

test("a stamp is @, 24 lower-case hex digits and a space", () => {
  expect(stamp(0n, 0)).toBe("..@400000000000000a00000000 ..");
  expect(stamp(1795174165n, 107036500)).toBe("..@400000006b002f1f06613f54 ..");
  expect(stamp(994720184n, 848605500)).toBe("..@400000003b4a39c23294b13c ..");
  expect(stamp(-11n, 999999999)).toBe("..@3fffffffffffffff3b9ac9ff ..");
});

const moments = fc.record({
  seconds: fc.bigInt({ min: -(2n ** 62n) - 10n, max: 2n ** 64n - 2n ** 62n - 11n }),
  nanoseconds: fc.nat(999_999_999),
});

test("the digits of a stamp are the bytes of the label", () => {
  fc.assert(
    fc.property(moments, ({ seconds, nanoseconds }) => {
      const digits = stamp(seconds, nanoseconds).slice(3, 27);
      expect(digits).toBe(Buffer.from(encodeTai64n({ seconds, nanoseconds })).toString("hex"));
    }),
  );
});

test("a label tells the moment it was made of", () => {
  fc.assert(
    fc.property(moments, (moment) => {
      expect(decodeTai64n(encodeTai64n(moment))).toEqual(moment);
    }),
  );
});

test("labels sort as the moments do", () => {
  fc.assert(
    fc.property(moments, moments, (a, b) => {
      const order = a.seconds === b.seconds ? a.nanoseconds - b.nanoseconds : a.seconds < b.seconds ? -1 : 1;
      const [x, y] = [stamp(a.seconds, a.nanoseconds), stamp(b.seconds, b.nanoseconds)];
      expect(Math.sign(order)).toBe(x < y ? -1 : x > y ? 1 : 0);
    }),
  );
});

test("any 12 bytes are a label, and encode to the same bytes; fewer are none", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), fc.nat(11), (bytes, length) => {
      expect(encodeTai64n(decodeTai64n(bytes))).toEqual(bytes);
      expect(() => decodeTai64n(bytes.subarray(0, length))).toThrow("too short");
    }),
  );
});

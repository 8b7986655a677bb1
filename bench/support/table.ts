// The rows as one aligned table: our median and spread, everybody else's median, and what the budgets say.
import {
  type Budget,
  CONTENDERS,
  type Contender,
  median,
  percentile,
  type Row,
  type Samples,
} from "./frame.ts";

/** Three digits that mean something. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const size = Math.abs(value);
  return size >= 100 || size === 0
    ? value.toFixed(0)
    : value.toPrecision(size < 0.01 ? 1 : size < 0.1 ? 2 : 3);
}

/** `median (p10-p90)`; the median alone where there is one sample. */
function spread(samples: readonly number[] | undefined): string {
  if (samples === undefined || samples.length === 0) return "-";
  const middle = figure(median(samples));
  if (samples.length === 1) return middle;
  return `${middle} (${figure(percentile(samples, 0.1))}-${figure(percentile(samples, 0.9))})`;
}

const scored = (samples: Samples, who: Contender): number => median(samples[who] ?? []);

/** Our median divided by the C program's, or by that of whom the row is about. */
export const ratio = ({ samples, against = "C" }: Row): number =>
  scored(samples, "tend") / scored(samples, against);

/** Whether our median keeps `budget`; undefined where it was not measured. */
export function keeps(row: Row, budget: Budget): boolean | undefined {
  const ours = "ratio" in budget ? ratio(row) : scored(row.samples, "tend");
  if (Number.isNaN(ours)) return undefined;
  const bound = "ratio" in budget ? budget.ratio : budget.value;
  return row.better === "less" ? ours <= bound : ours >= bound;
}

/** What the table says of `row`, for programs: of each contender the median and the spread, and of the budgets whether kept. */
export function summary(row: Row) {
  const scores = Object.entries(row.samples).filter(([, samples]) => samples.length > 0);
  const figures = scores.map(([who, samples]) => [
    who,
    { p10: percentile(samples, 0.1), p50: median(samples), p90: percentile(samples, 0.9) },
  ]);
  return {
    figures: Object.fromEntries(figures) as { readonly [contender: string]: { readonly p50: number } },
    ...(row.must === undefined ? {} : { reachesMust: keeps(row, row.must) }),
    ...(row.should === undefined ? {} : { reachesShould: keeps(row, row.should) }),
  };
}

function verdict(row: Row, budget: Budget | undefined): string {
  if (budget === undefined) return "";
  const bound = "ratio" in budget ? `${budget.ratio}x` : String(budget.value);
  const kept = keeps(row, budget);
  return `${bound} ${kept === undefined ? "?" : kept ? "ok" : "MISSED"}`;
}

export function table(rows: readonly Row[]): string {
  const others = CONTENDERS.filter(
    (who) =>
      who !== "tend" && rows.some(({ samples }) => samples[who] !== undefined && samples[who].length > 0),
  );
  const head = ["", "unit", "tend p50 (p10-p90)", ...others, "tend/C", "must", "should"];
  const body = rows.map((row) => [
    row.name,
    row.unit,
    spread(row.samples.tend),
    ...others.map((who) => (who === "C" ? spread(row.samples.C) : figure(scored(row.samples, who)))),
    figure(ratio(row)),
    verdict(row, row.must),
    verdict(row, row.should),
  ]);
  const lines = [head, ...body];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

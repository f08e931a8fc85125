"""Makes a Markdown table of what tcp.sh, http.sh or ws.sh measured.

usage: table.py FILE BASE...

FILE has one line of JSON a measurement, as bench/load prints it, with the
server's name and the number of the round in front. Costs are shown as ratios to
those of the servers BASE, too, as far as they were measured.
"""
import collections
import json
import statistics
import sys

# The styles of shoal, when both were measured.
CALLBACK, COROUTINE = "shoal (callback)", "shoal (coroutine)"


def median(runs, key):
    return statistics.median(run.get(key, 0) for run in runs)


def find_ratio(runs, base_runs, cost="server_us_per_message"):
    """Median over the rounds of cost / cost of the base in that round."""
    base = {run["round"]: run[cost] for run in base_runs}
    ratios = [run[cost] / base[run["round"]]
              for run in runs if base.get(run["round"])]
    return f"{statistics.median(ratios):.2f}" if ratios else "-"


def flags(runs):
    """G: the generator was the limit. I: the server was not. E: errors."""
    marks = {
        "G": lambda run: run["generator_cpu_percent"]
                         + run["generator_wait_percent"] >= 95,
        "I": lambda run: run["server_cpu_percent"]
                         + run["server_wait_percent"] < 90,
        "E": lambda run: not run["ok"],
    }
    counts = {mark: sum(map(test, runs)) for mark, test in marks.items()}
    return " ".join(f"{mark}{n}" for mark, n in counts.items() if n)


def noise(runs):
    return statistics.median(max(run["server_wait_percent"],
                                 run["generator_wait_percent"])
                             for run in runs)


def make_columns(groups, bases):
    """Heads, and what stands below them for one group of runs."""
    names = {name for _, _, name in groups}
    columns = [("server", lambda key, runs: key[2])]
    if len({size for size, _, _ in groups}) > 1:
        columns.append(("bytes", lambda key, runs: f"{key[0]:,}"))
    columns += [
        ("in flight", lambda key, runs: str(key[1])),
        ("messages/s", lambda key, runs: f"{median(runs, 'per_second'):,.0f}"),
        ("us CPU/message",
         lambda key, runs: f"{median(runs, 'server_us_per_message'):.3f}"),
    ]
    columns += [
        ("ratio to " + base, lambda key, runs, base=base:
            find_ratio(runs, groups.get((*key[:2], base), [])))
        for base in bases if base in names]
    if {CALLBACK, COROUTINE} <= names:
        columns.append(("ratio to callback", lambda key, runs:
                        find_ratio(runs, groups.get((*key[:2], CALLBACK), []))
                        if key[2] == COROUTINE else "-"))
    return columns + [
        ("p50 us", lambda key, runs: f"{median(runs, 'p50_us'):,.0f}"),
        ("p99 us", lambda key, runs: f"{median(runs, 'p99_us'):,.0f}"),
        ("noise %", lambda key, runs: f"{noise(runs):.1f}"),
        ("flags", lambda key, runs: flags(runs)),
    ]


def print_row(cells):
    print("| " + " | ".join(cells) + " |")


def print_table(columns, groups):
    """A line for each group of runs; the first and last column hold words."""
    print_row([head for head, _ in columns])
    print("|---|" + "---:|" * (len(columns) - 2) + "---|")
    for key, runs in groups.items():
        print_row([cell(key, runs) for _, cell in columns])


def main(path, bases):
    groups = collections.defaultdict(list)
    broken = 0
    with open(path, encoding="utf-8") as file:
        for line in file:
            run = json.loads(line)
            broken += not run["ok"]
            if "server_us_per_message" in run:
                groups[run["size"], run["depth"], run["server"]].append(run)
    print_table(make_columns(groups, bases), groups)
    return 1 if broken or not groups else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))

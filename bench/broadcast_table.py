"""Makes a Markdown table of what broadcast.sh measured.

usage: broadcast_table.py FILE BASE...

FILE has one line of JSON a measurement, as `load broadcast' prints it, with the
server's name, the number of its workers and of the round in front. Costs are
shown as ratios to those of the servers BASE with one worker, too, as far as
they were measured.
"""
import collections
import json
import sys

from table import find_ratio, flags, median, print_table

COST = "server_us_per_delivery"


def noise(runs):
    """Workers that share a processor wait for each other: only one tells."""
    keys = ["generator_wait_percent"]
    if runs[0]["workers"] == 1:
        keys.append("server_wait_percent")
    return max(median(runs, key) for key in keys)


def make_columns(groups, bases):
    """Heads, and what stands below them for one group of runs."""
    names = {name for _, _, name, _ in groups}
    columns = [
        ("server", lambda key, runs: key[2]),
        ("workers", lambda key, runs: str(key[3])),
        ("subscribers", lambda key, runs: f"{key[0]:,}"),
        ("in flight", lambda key, runs: str(key[1])),
        ("us CPU/delivery", lambda key, runs: f"{median(runs, COST):.3f}"),
        ("deliveries/CPU s",
         lambda key, runs: f"{1e6 / (median(runs, COST) or 1e6):,.0f}"),
    ]
    columns += [
        ("ratio to " + base, lambda key, runs, base=base:
            find_ratio(runs, groups.get((*key[:2], base, 1), []), COST))
        for base in bases if base in names]
    return columns + [
        ("p50 us", lambda key, runs: f"{median(runs, 'p50_us'):,.0f}"),
        ("p99 us", lambda key, runs: f"{median(runs, 'p99_us'):,.0f}"),
        ("noise %", lambda key, runs: f"{noise(runs):.1f}"),
        ("flags", lambda key, runs: flags(runs)),
    ]


def main(path, bases):
    groups = collections.defaultdict(list)
    broken = 0
    with open(path, encoding="utf-8") as file:
        for line in file:
            run = json.loads(line)
            broken += not run["ok"]
            if COST in run:
                groups[run["subscribers"], run["depth"], run["server"],
                       run["workers"]].append(run)
    print_table(make_columns(groups, bases), groups)
    return 1 if broken or not groups else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))

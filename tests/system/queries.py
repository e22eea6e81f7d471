"""Runs the queries of deploy/ against a Prometheus that has scraped the services for a while.

    python3 tests/system/queries.py http://127.0.0.1:9090

Exit status 1, with a line each, for a query that is an error, one that uses a metric that was never
scraped, and a panel of a dashboard that had no data at any time.
"""

import json
import pathlib
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
# Prometheus's own.
BUILT_IN = {"up", "ALERTS"}


def ask(prometheus, path, **parameters):
    url = f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        return json.load(error)


def dashboard_queries():
    for file in sorted(DEPLOY.glob("dashboards/*.json")):
        dashboard = json.loads(file.read_text())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"].replace("$__rate_interval", "1m").replace("$method", ".*")
                yield f"{file.name}: {panel['title']}", expression, True
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                metric = re.match(r"label_values\((\w+), \w+\)$", variable["definition"])
                yield f"{file.name}: variable {variable['name']}", metric.group(1), True
        for annotation in dashboard["annotations"]["list"]:
            yield f"{file.name}: annotation {annotation['name']}", annotation["expr"], False


def rule_queries(prometheus):
    # As Prometheus itself has read them.
    for group in ask(prometheus, "rules")["data"]["groups"]:
        for rule in group["rules"]:
            yield f"alert {rule['name']}", rule["query"], False
            if rule["health"] != "ok":
                yield f"alert {rule['name']} is {rule['health']}: {rule.get('lastError')}", "", False


def autoscaler_queries():
    """Those of prometheus-adapter's rules, as it asks them for all series."""
    for file in sorted(DEPLOY.glob("kubernetes/*/prometheus-adapter.yaml")):
        rules = re.findall(r"seriesQuery: (\w+)\{.*?metricsQuery: ([^\n]+)", file.read_text(), re.DOTALL)
        for series, query in rules:
            query = query.replace("<<.Series>>", series).replace("<<.LabelMatchers>>", "").replace("<<.GroupBy>>", "instance")
            yield f"{file.parent.name}/{file.name}: {series}", query, True


def main(prometheus):
    names = set(ask(prometheus, "label/__name__/values")["data"])
    end = time.time()
    queries = [*dashboard_queries(), *rule_queries(prometheus), *autoscaler_queries()]
    problems, with_data = [], 0
    for where, expression, needs_data in queries:
        known = names | BUILT_IN
        for metric in set(re.findall(r"\b(?:mannequin_\w+|up|ALERTS)\b(?=[\s{\[)]|$)", expression)):
            if metric not in known:
                problems.append(f"{where}: no service has {metric}")
        answer = ask(prometheus, "query_range", query=expression, start=end - 900, end=end, step=2)
        if answer["status"] != "success":
            problems.append(f"{where}: {answer.get('error')}: {expression}")
        elif answer["data"]["result"]:
            with_data += 1
        elif needs_data:
            problems.append(f"{where}: never had data: {expression}")
    for problem in problems:
        print(f"queries.py: {problem}", file=sys.stderr)
    print(f"{len(queries)} queries, {with_data} with data, {len(problems)} problems; "
          f"{sum(name.startswith('mannequin_') for name in names)} metrics of the services")
    return 1 if problems or not queries else 0


sys.exit(main(sys.argv[1]))

"""`action.yml`: its inputs are documented, nothing given is run as code, and its comment is one, kept up to date."""

import json
import re
import subprocess
from pathlib import Path

import playwright
import pytest
import yaml

NODE = Path(playwright.__file__).parent / "driver" / "node"
MARKER = "<!-- embedding-harness -->"

# What actions/github-script gives to a script, on a pull request whose comments lie in a file.
CLIENT = """
const state = JSON.parse(process.argv[2]);
const calls = [];
const github = {
  paginate: async (list, options) => list(options),
  rest: {
    pulls: { list: async (options) => ({ data: calls.push(["list pulls", options]) && state.pulls }) },
    issues: {
      listComments: async ({ issue_number }) => state.comments[issue_number],
      createComment: async ({ issue_number, body }) => calls.push(["create", issue_number, body]),
      updateComment: async ({ comment_id, body }) => calls.push(["update", comment_id, body]),
    },
  },
};
const core = { notice: (text) => calls.push(["notice", text]) };
const context = { repo: { owner: "o", repo: "r" }, payload: state.payload };
const run = async () => { SCRIPT };
run().then(() => console.log(JSON.stringify(calls)));
"""


@pytest.fixture(scope="module")
def action(repository):
    return yaml.safe_load((repository / "action.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def steps(action):
    return {step["name"]: step for step in action["runs"]["steps"]}


@pytest.fixture
def comment(steps, tmp_path):
    """Runs the step that comments; returns what it asked of GitHub."""
    script = tmp_path / "script.js"
    script.write_text(CLIENT.replace("SCRIPT", steps["Comment"]["with"]["script"]), encoding="utf-8")
    (tmp_path / "embedding-harness.md").write_text("the answer\n", encoding="utf-8")

    def run(payload, comments, pulls=()):
        state = json.dumps({"payload": payload, "comments": {"7": comments}, "pulls": pulls})
        environment = {"RUNNER_TEMP": str(tmp_path), "COMMENT_ID": "embedding-harness"}
        done = subprocess.run([NODE, script, state], env=environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    return run


def said(body, kind="Bot", number=1):
    return {"id": number, "user": {"type": kind}, "body": body}


def test_the_comment_is_written_once_and_then_kept_up_to_date(comment):
    pull, body = {"pull_request": {"number": 7}}, f"{MARKER}\nthe answer\n"
    others = [
        said("hello"),
        said(f"{MARKER}\nquoted by a person", "User", 2),
        said(f"> {MARKER}", number=3),
        said(None),
    ]
    assert comment(pull, others) == [["create", 7, body]]
    assert comment(pull, [*others, said(f"{MARKER}\nold", number=9)]) == [["update", 9, body]]


def test_a_second_workflow_finds_the_pull_request_of_a_fork_by_its_branch_and_commit(comment):
    run = {"head_repository": {"owner": {"login": "fork"}}, "head_branch": "b", "head_sha": "s", "pull_requests": []}
    pulls = [{"number": 6, "head": {"sha": "older"}}, {"number": 7, "head": {"sha": "s"}}]
    asked = {"owner": "o", "repo": "r", "state": "open", "head": "fork:b"}
    found = comment({"workflow_run": run}, [], pulls)
    assert found == [["list pulls", asked], ["create", 7, f"{MARKER}\nthe answer\n"]]
    assert comment({"workflow_run": run}, [], pulls[:1])[1:] == [["notice", "No open pull request to comment on."]]


def test_nothing_given_is_put_into_a_script(action, steps):
    for step in steps.values():
        assert "${{" not in step.get("run", "") + step.get("with", {}).get("script", "")
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", "a/b@" + "0" * 40))
    given = {name for name in action["inputs"] if f"inputs.{name}" in json.dumps(action["runs"])}
    assert given == {*action["inputs"]}


def test_the_token_of_a_fork_is_not_asked_to_write(steps):
    condition = " ".join(steps["Comment"]["if"].split())
    assert condition.endswith(
        "(github.event_name == 'workflow_run' || github.event.pull_request.head.repo.full_name == github.repository)"
    )


@pytest.mark.parametrize(
    ("environment", "arguments"),
    [
        ({}, []),
        ({"CASE": "", "BASE_MODEL": "", "STRICT": ""}, []),
        (
            {"CASE": "a $(case).toml", "BASE_MODEL": "'b'", "STRICT": "yes"},
            ["--case", "a $(case).toml", "--base-model", "'b'", "--strict-verdicts"],
        ),
    ],
)
def test_the_gate_gets_its_inputs_as_they_are(steps, environment, arguments, tmp_path):
    tool = tmp_path / "embedding-harness"
    tool.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n", encoding="utf-8")
    tool.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "MODEL": "an 'adapter'", **environment}
    command = ["bash", "-c", steps["Gate"]["run"]]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
    assert shown == ["gate", "an 'adapter'", *arguments, "--html", "reports/gate/report.html", "--self-contained-html"]


def test_every_input_is_explained(action, repository):
    page = (repository / "docs" / "ci.md").read_text(encoding="utf-8")
    assert all(given["description"] for given in action["inputs"].values())
    section = page.partition("### Its inputs")[2].partition("\n## ")[0]
    assert [*action["inputs"]] == re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)


def test_the_workflows_in_the_documentation_are_yaml_and_use_inputs_that_exist(action, repository):
    page = (repository / "docs" / "ci.md").read_text(encoding="utf-8")
    workflows = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(name: .*?)```", page, re.DOTALL)]
    used = [step for flow in workflows for job in flow["jobs"].values() for step in job.get("steps", ())]
    ours = [step for step in used if step.get("uses", "").startswith("OWNER/")]
    assert len(ours) == 2
    assert {name for step in ours for name in step["with"]} <= {*action["inputs"]}

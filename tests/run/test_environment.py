"""Where a run happens."""

import os
import subprocess
import time

from harness.run import commit, libraries
from harness.run.environment import changed_at


def test_the_commit_is_that_of_the_directory_and_says_whether_a_file_was_changed(tmp_path):
    assert commit(tmp_path) == ""

    def git(*arguments):
        own = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        command = ["git", *own, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init")
    (tmp_path / "a").write_text("1", encoding="utf-8")
    git("add", "a")
    git("commit", "-m", "a")
    head = git("rev-parse", "HEAD")
    (tmp_path / "untracked").touch()
    assert commit(tmp_path) == head
    (tmp_path / "a").write_text("2", encoding="utf-8")
    assert commit(tmp_path) == f"{head}-dirty"


def test_the_libraries_that_can_change_a_model_are_named():
    assert {"torch", "transformers", "sentence-transformers", "peft"} <= libraries().keys()


def test_a_file_is_as_old_as_its_last_commit_unless_the_clone_is_shallow(tmp_path):
    def git(*arguments, at="2020-01-01T00:00:00Z"):
        dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", *arguments]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env=os.environ | dates)

    file = tmp_path / "one" / "file"
    file.parent.mkdir()
    file.touch()
    assert abs(changed_at(file).timestamp() - time.time()) < 600
    git("init", "-q", "one")
    git("-C", "one", "add", "file")
    git("-C", "one", "commit", "-qm", "file")
    assert "2020-01-01" == changed_at(file).date().isoformat()
    git("-C", "one", "commit", "-qm", "later", "--allow-empty", at="2021-01-01T00:00:00Z")
    git("clone", "-q", "--depth", "1", f"file://{file.parent}", "two")
    assert (True, None) == ((tmp_path / "two" / "file").exists(), changed_at(tmp_path / "two" / "file"))

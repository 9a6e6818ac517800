"""Where a run happens."""

import subprocess

from harness.run import commit, libraries


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

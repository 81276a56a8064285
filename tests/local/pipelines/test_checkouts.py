"""What steps of `isthmus run` see of a repository: its history, its links and what is not committed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from isthmus.azure.git import git
from isthmus.local.pipelines.run import run


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A repository with three commits, a tag on the second, and a remote that knows the first."""
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", "https://dev.azure.com/contoso/p/_git/shop")
    for number in "123":
        (folder / "price").write_text(number)
        git(folder, "add", "price")
        git(folder, "commit", "-q", "-m", f"price {number}")
    git(folder, "tag", "v1", "HEAD~1")
    git(folder, "update-ref", "refs/remotes/origin/release", "HEAD~2")
    return folder


def ran(folder: Path, script: str, *arguments: str, checkout: str = "checkout: self") -> Result:
    """The folder's pipeline, which is one script after a checkout, and no part of the repository."""
    (folder / ".git/info/exclude").write_text("azure-pipelines.yml\n")
    lines = "".join(f"    {line}\n" for line in script.splitlines())
    file = folder / "azure-pipelines.yml"
    file.write_text(f"steps:\n- {{{checkout}}}\n- bash: |\n    set -e\n{lines}")
    return CliRunner().invoke(run, [str(file), *arguments])


def passes(folder: Path, script: str, checkout: str = "checkout: self, fetchDepth: 0") -> None:
    done = ran(folder, script, checkout=checkout)
    assert done.exit_code == 0, done.output


def test_steps_see_the_commit_that_the_run_is_of(shop: Path) -> None:
    passes(
        shop,
        'test "$(git rev-parse HEAD)" = $(Build.SourceVersion)\n'
        'test "$(git log -1 --format=%s)" = "$(Build.SourceVersionMessage)"\n'
        'test "$(git ls-remote origin $(Build.SourceBranch) | cut -f 1)" = $(Build.SourceVersion)\n'
        "! git symbolic-ref -q HEAD",
        checkout="checkout: self",
    )


@pytest.mark.parametrize(
    ("checkout", "commits", "tagged"),
    [
        ("checkout: self", 1, False),
        ("checkout: self, fetchDepth: 2", 2, False),
        ("checkout: self, fetchTags: true", 1, True),
        ("checkout: self, fetchDepth: 0", 3, True),
        ("checkout: self, fetchDepth: 0, fetchTags: false", 3, False),
    ],
)
def test_the_history_is_as_deep_as_it_is_asked_for(
    shop: Path, checkout: str, commits: int, tagged: bool
) -> None:
    passes(
        shop,
        f'test "$(git rev-list --count HEAD)" = {commits}\ntest \'{"v1" if tagged else ""}\' = "$(git tag)"',
        checkout,
    )


def test_branches_are_those_of_the_server_and_what_could_be_pushed(shop: Path) -> None:
    passes(
        shop,
        'test "$(git rev-parse origin/main origin/release)" = "$(git rev-parse HEAD HEAD~2)"\n'
        "git describe --tags | grep -x 'v1-1-g[0-9a-f]*'\n"
        "! git rev-parse -q --verify origin/HEAD",
    )


def test_what_is_not_committed_is_seen_as_in_the_folder(shop: Path) -> None:
    clean = 'git diff-index --quiet HEAD\ngit diff --exit-code\ntest -z "$(git status --porcelain)"'
    passes(shop, clean)
    (shop / "price").write_text("4")
    (shop / "new").write_text("new")
    (shop / "staged").write_text("staged")
    git(shop, "add", "staged")
    (shop / ".gitignore").write_text("ignored\n")
    (shop / "ignored").write_text("ignored")
    assert ran(shop, "git diff --exit-code").exit_code == 1
    seen = git(shop, "status", "--porcelain").replace("\n", ",")
    passes(
        shop,
        f"test \"$(git status --porcelain | tr '\\n' ,)\" = '{seen}'\n"
        "test 4 = $(cat price)\n! test -e ignored",
    )


def test_what_a_step_pushes_ends_with_the_run(shop: Path) -> None:
    before = git(shop, "for-each-ref") + git(shop, "count-objects")
    (shop / "price").write_text("4")
    passes(
        shop,
        "git -c user.name=a -c user.email=a commit -qam stepped\ngit tag v2\n"
        "git push -q origin HEAD:refs/heads/main v2\n"
        "git fetch -q\ntest $(git rev-parse origin/main) = $(git rev-parse HEAD)",
    )
    assert git(shop, "for-each-ref") + git(shop, "count-objects") == before


def test_submodules_are_fetched_by_whoever_asks_for_them(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The submodule's address is relative to the server's, which here is a folder beside.
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    subprocess.run(["git", "clone", "-q", "--bare", shop, shop.parent / "server/lib"], check=True)
    git(shop, "remote", "set-url", "origin", (shop.parent / "server/shop").as_uri())
    git(shop, "submodule", "add", "-q", "../lib", "lib")
    git(shop, "commit", "-q", "-m", "lib")
    passes(shop, 'test -z "$(ls lib)"\ngit submodule update -q\ntest -z "$(ls lib)"')
    passes(shop, "git submodule update -q --init\ntest 3 = $(cat lib/price)")


def test_a_hook_of_git_may_start_a_run(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(shop / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(shop / ".git/index"))
    passes(shop, "git -c user.name=a -c user.email=a commit -q --allow-empty -m stepped")
    monkeypatch.undo()
    assert git(shop, "log", "-1", "--format=%s").strip() == "price 3"


@pytest.mark.parametrize("kind", ["clone", "worktree", "shallow"])
def test_a_checkout_of_any_kind_has_its_history(shop: Path, kind: str) -> None:
    other = shop.parent / kind
    if kind == "worktree":
        git(shop, "worktree", "add", "-q", str(other), "v1")
        (shop / ".git/info/exclude").write_text("azure-pipelines.yml\n")
        file = other / "azure-pipelines.yml"
        file.write_text(
            "steps:\n- {checkout: self, fetchDepth: 0}\n- bash: git describe; git log --oneline\n"
        )
        done = CliRunner().invoke(run, [str(file)])
        assert "price 1" in done.output, done.output
        return
    depth = ["--depth=2"] if kind == "shallow" else []
    subprocess.run(["git", "clone", "-q", *depth, shop.as_uri(), other], check=True)
    passes(other, f'test "$(git rev-list --count HEAD)" = {2 if depth else 3}')
    passes(other, 'test "$(git rev-list --count HEAD)" = 1', "checkout: self")


def test_a_folder_within_a_checkout_has_no_history(shop: Path) -> None:
    (shop / "model").mkdir()
    (shop / "model/model.yaml").write_text("name: rain\n")
    file = shop / "model/azure-pipelines.yml"
    file.write_text("steps:\n- bash: '! git rev-parse && cat model.yaml && echo $(Build.SourceVersion)'\n")
    done = CliRunner().invoke(run, [str(file)])
    assert done.exit_code == 0, done.output
    assert git(shop, "rev-parse", "HEAD").strip() in done.output


@pytest.mark.parametrize("tracked", [True, False])
def test_links_are_links_wherever_they_lead(shop: Path, tracked: bool) -> None:
    (shop / "data").mkdir()
    (shop / "data/rows").write_text("1")
    for name, target in {
        "folder": "data",
        "file": "price",
        "nowhere": "gone",
        "out": str(shop.parent),
    }.items():
        (shop / name).symlink_to(target)
    if tracked:
        git(shop, "add", "-A")
        git(shop, "commit", "-q", "-m", "links")
    passes(
        shop,
        'test "$(readlink folder file nowhere out | tr "\\n" :)" = '
        f'"data:price:gone:{shop.parent}:"\ntest 1 = $(cat folder/rows)',
    )


def test_what_lies_behind_a_link_is_not_the_repositorys(shop: Path) -> None:
    (shop / "data").mkdir()
    (shop / "data/rows").write_text("1")
    git(shop, "add", "data")
    git(shop, "commit", "-q", "-m", "data")
    (shop / "data").rename(shop.parent / "moved")
    (shop / "data").symlink_to(shop.parent / "moved")
    passes(shop, "test -L data\ngit status --porcelain | grep -x ' D data/rows'")


def test_a_second_checkout_lays_the_files_anew(shop: Path) -> None:
    (shop / "link").symlink_to("price")
    file = shop / "azure-pipelines.yml"
    file.write_text(
        "steps:\n- checkout: self\n- bash: 'echo 9 > s/shop/price; ls'\n"
        "  workingDirectory: $(Pipeline.Workspace)\n"
        "- checkout: self\n- bash: 'test 3 = $(cat price) && test -L link'\n"
        "  workingDirectory: $(Pipeline.Workspace)/s/shop\n"
    )
    done = CliRunner().invoke(run, [str(file)])
    assert done.exit_code == 0, done.output

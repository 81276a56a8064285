"""What the function takes, what it refuses and in which words, and that a data set is told of once."""

from __future__ import annotations

import csv
import io
import itertools
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from landing import data_set, take
from tests.landing.conftest import DATA, LANDING, MODEL, ROWS, SHAPED, Zone, zipped

HEAD, SHAPED_HEAD = (text.splitlines(keepends=True)[0] for text in (ROWS, SHAPED))
JSONL = (
    '{"day": "2026-01-01", "height": 3.5, "harbour": "Elbe", "flood": 0}\n\n'
    '{"day": "2026-01-02", "height": null, "harbour": "Jade", "flood": 1, "more": [1]}\n'
)


@pytest.mark.parametrize(
    ("name", "content", "shaped"),
    [
        ("rows.csv", ROWS, SHAPED),
        ("rows.csv", b"\xef\xbb\xbf" + ROWS.replace("\n", "\r\n").encode(), SHAPED),
        ("rows.csv.gz", zipped(ROWS), SHAPED),
        ("rows.jsonl", JSONL, SHAPED.replace("NA", "")),
        ("rows.jsonl.gz", zipped(JSONL), SHAPED.replace("NA", "")),
        (
            "more.csv",
            'flood,other,harbour,height,day\n1,x,"a,b",1,7\n',
            'day,height,harbour,note,flood\n7,1,"a,b",,1\n',
        ),
    ],
    ids=["csv", "bom-and-crlf", "csv.gz", "jsonl", "jsonl.gz", "other-order"],
)
def test_what_is_fit_is_written_as_the_training_data_are(
    zone: Zone, name: str, content: str | bytes, shaped: str
) -> None:
    zone.land(name, content)
    assert zone.told() == [] and zone.files() == {}
    zone.land("_SUCCESS", "")
    (event,) = zone.told()
    assert event["detail-type"] == "Data Set Complete" and event["source"] == "isthmus.landing"
    assert {key: event["detail"][key] for key in ("model", "dataSet", "files")} == {
        "model": MODEL,
        "dataSet": zone.folder,
        "files": 1,
    }
    assert zone.files() == {name: shaped}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", ROWS.replace("height", "hight"), "there is no column height; those there are day, hight"),
        ("a.csv", ROWS.replace("3.5", "tall"), "row 1, column height: not a number"),
        ("a.csv", ROWS.replace("3.5", "1_0"), "row 1, column height: not a number"),
        ("a.csv", ROWS.replace("2026-01-02", "2 Jan"), "row 2, column day: neither a number nor a date"),
        ("a.csv", ROWS.replace("2026-01-02", "NA"), "column day: 1 of 2 cells are empty, and 0% may be"),
        ("a.csv", ROWS.replace("3.5", ""), "column height: 2 of 2 cells are empty, and 50% may be at most"),
        ("a.csv", ROWS.replace("Jade,1", "Jade,2"), "row 2, column flood: not one of the classes"),
        ("a.csv", ROWS + "1,2\n", "line 4 has 2 cells, and the columns are 4"),
        ("a.csv", "day,day,height,harbour,flood\n", "two of its columns have one name"),
        ("a.csv", ROWS.splitlines()[0], "it has 0 rows, and 1 are the fewest"),
        ("a.csv", b"", "there is no column day, height, harbour, flood; those there are none"),
        ("a.csv", ROWS.encode("utf-16"), "it is not UTF-8 text"),
        ("a.csv", ROWS.replace("Elbe", "El\0be"), "a NUL byte stands in it"),
        ("a.csv", 'day,height,harbour,flood\n1,1,"' + "x" * 200_000, "not a CSV file: field larger"),
        ("a.csv", "x" * 1_000_001, "it has 1000001 bytes; 1 MB is the most"),
        ("a.csv.gz", zipped(HEAD + "1,1,Elbe,0\n" * 100_000), "unpacked it has more than 1 MB"),
        ("a.csv.gz", zipped(ROWS)[:-9], "it is called .gz and is not whole"),
        ("a.csv.gz", ROWS, "it is called .gz and is not whole, or no gzip file"),
        ("a.jsonl", "[1, 2]\n", "line 1 is no JSON object"),
        ("a.jsonl", "[" * 100_000, "line 1 is no JSON object"),
        ("a.jsonl", JSONL.replace("Jade", "Ja\\u0000de"), "row 2, column harbour: a NUL, a carriage return"),
        ("a.jsonl", JSONL.replace("Jade", "Ja\\rde"), "row 2, column harbour: a NUL, a carriage return"),
        ("a.jsonl", JSONL.replace("Jade", "Ja\\ud800de"), "row 2, column harbour: a NUL, a carriage return"),
        ("a.jsonl", JSONL.replace("Jade", "x" * 131_073), "row 2, column harbour: more than 131072 letters"),
        ("a.csv", ROWS.replace("Jade", '"Ja\rde"'), "row 2, column harbour: a NUL, a carriage return"),
        (
            "a.jsonl",
            JSONL.replace('"Jade"', '{"a": 1}'),
            "line 3, column harbour: neither a number nor a text",
        ),
        ("a.jsonl", JSONL.replace('"flood": 1', '"flod": 1'), "line 3: there is no column flood"),
        ("a.parquet", b"PAR1", "it is neither CSV nor JSON lines"),
        ("a b.csv", ROWS, "the name of the file has other than up to 100 letters"),
        ("part=1/a.csv", ROWS, "it lies elsewhere than at incoming/MODEL/DATA SET/FILE"),
    ],
)
def test_what_is_not_fit_is_put_aside_with_the_reason_in_words(
    zone: Zone, name: str, content: str | bytes, reason: str
) -> None:
    zone.land(name, content)
    assert zone.reason(name).startswith(reason)
    (event,) = zone.told()
    assert event["detail-type"] == "Data File Rejected"
    assert event["detail"]["reason"] == zone.reason(name)
    aside = zone.client("s3").get_object(Bucket=LANDING, Key=f"rejected/{MODEL}/{zone.folder}/{name}")
    assert aside["Body"].read() == (content.encode() if isinstance(content, str) else content)
    zone.land("_SUCCESS", "")
    assert zone.told() == [] and zone.files() == {}


def test_people_are_told_words_whatever_names_others_wrote(zone: Zone) -> None:
    """Chats show Markdown: names of columns and of files make no link, mention or line of their own."""
    columns = ["[win](https://evil.example)", "<!channel>", "@here", "*b*", "`c`", "~d~", "e|f", "g\u2028h"]
    zone.land("a.csv", ",".join(columns) + "\n")
    zone.declare(files=["@all-*.csv"], complete="files")
    zone.land("b.csv")
    zone.land("[c](https://evil.example)@here.csv")
    told = [event["detail"] for event in zone.told()]
    assert len(told) == 3
    for value in (value for one in told for value in one.values()):
        assert value.isprintable() and not set("<>[]|`*~@") & set(value) and "://" not in value
    assert "those there are (win)(https:evil.example), ?!channel?,  at here, " in told[0]["reason"]
    assert told[1]["reason"].endswith(":  at all-\N{ASTERISK OPERATOR}.csv")
    assert told[2]["file"].endswith(" at here.csv")


def test_no_cell_is_quoted(zone: Zone, capsys: pytest.CaptureFixture[str]) -> None:
    zone.land("a.csv", ROWS.replace("3.5", "secret-4711"))
    assert "4711" not in json.dumps(zone.told()) + zone.reason("a.csv") + capsys.readouterr().out


def test_a_hostile_name_does_no_harm(zone: Zone) -> None:
    name = 'a"><b>\n\\{}%2e%2e+é.csv'
    zone.land(name)
    (event,) = zone.told()
    assert not set('"<>\n\\') & set(event["detail"]["file"])
    assert zone.client("s3").head_object(Bucket=LANDING, Key=f"rejected/{MODEL}/{zone.folder}/{name}")


def test_the_order_and_number_of_messages_do_not_matter(zone: Zone) -> None:
    messages = [zone.put("a.csv"), zone.put("b.csv"), zone.put("_SUCCESS", "")]
    versions = set()
    for number, order in enumerate(itertools.permutations(messages)):
        assert zone.deliver(*order, *order) == []
        told = zone.told()
        assert len(told) == (number == 0)
        versions |= {one["detail"]["version"] for one in told}
    assert len(versions) == 1 and set(zone.files()) == {"a.csv", "b.csv"}


def test_what_lands_again_is_a_new_version_only_if_it_is_another(zone: Zone) -> None:
    zone.land("a.csv")
    zone.land("_SUCCESS", "")
    (first,) = zone.told()
    zone.land("a.csv")
    zone.land("_SUCCESS", "")
    assert zone.told() == []
    zone.land("a.csv", ROWS.replace("3.5", "4.5"))
    zone.land("_SUCCESS", "")
    (second,) = zone.told()
    assert second["detail"]["version"] != first["detail"]["version"]
    assert "4.5" in zone.files()["a.csv"]


def test_a_rejected_file_holds_its_data_set_up_until_it_is_replaced_or_deleted(zone: Zone) -> None:
    zone.land("a.csv")
    zone.land("b.csv", "no\n")
    zone.land("_SUCCESS", "")
    assert [one["detail-type"] for one in zone.told()] == ["Data File Rejected"]
    zone.land("b.csv")
    zone.land("_SUCCESS", "")
    (event,) = zone.told()
    assert event["detail"]["files"] == 2
    zone.client("s3").delete_object(Bucket=LANDING, Key=f"incoming/{MODEL}/{zone.folder}/b.csv")
    zone.land("_SUCCESS", "")
    (event,) = zone.told()
    assert event["detail"]["files"] == 1


def test_a_data_set_of_expected_files_needs_no_marker(zone: Zone) -> None:
    zone.declare(files=["tides-*.csv", "harbours.csv"], complete="files")
    zone.land("other.csv")
    assert zone.reason("other.csv") == "its name fits none of the model's files: tides-*.csv, harbours.csv"
    zone.client("s3").delete_object(Bucket=LANDING, Key=f"incoming/{MODEL}/{zone.folder}/other.csv")
    zone.told()
    zone.land("tides-1.csv")
    assert zone.told() == []
    zone.land("harbours.csv")
    (event,) = zone.told()
    assert event["detail"]["rows"] == 4


def test_files_for_machines_and_folders_are_no_data(zone: Zone) -> None:
    for name in ("_started_1", ".crc", ""):
        zone.land(name, "")
    assert zone.told() == []


def test_a_model_that_nothing_lands_for_takes_nothing(zone: Zone) -> None:
    zone.allow(owner="nobody")
    zone.land("a.csv")
    assert zone.reason("a.csv") == f"no data land for a model {MODEL}: see landing in platform.yaml"


def test_a_model_that_was_never_built_has_said_nothing(zone: Zone) -> None:
    zone.client("s3").delete_object(Bucket=DATA, Key=f"{MODEL}/schema.json")
    zone.land("a.csv")
    assert zone.reason("a.csv") == f"the model {MODEL} has not said what it takes: build it once"


def test_what_fails_returns_to_the_queue_and_nothing_else_does(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = zone.put("a.csv"), zone.put("b.csv")
    whole = take._convert

    def struck(arrival: take.Arrival, schema: take.Schema) -> take.Fate:
        if arrival.name == "b.csv":
            raise ConnectionError("struck")
        return whole(arrival, schema)

    with monkeypatch.context() as patch:
        patch.setattr(take, "_convert", struck)
        assert zone.deliver(good, bad, "{", {"Event": "s3:TestEvent"}, "[]") == ["1", "2", "4"]
    assert zone.deliver(bad, zone.put("_SUCCESS", "")) == []
    assert zone.told()[0]["detail"]["files"] == 2


def test_a_file_that_another_invocation_works_on_is_left_to_it(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from landing import memory
    from landing.arrival import arrivals

    message = zone.put("a.csv")
    (arrival,) = arrivals(json.dumps(message))
    assert memory.claim(arrival, 900) is None
    assert zone.deliver(message) == ["0"]
    # That one died, and its time is over.
    memory.release(arrival)
    assert memory.claim(arrival, -1) is None
    assert zone.deliver(message, zone.put("_SUCCESS", "")) == []
    assert len(zone.told()) == 1


def test_a_file_that_is_gone_is_no_failure(zone: Zone) -> None:
    message = zone.put("a.csv")
    found = message["Records"][0]["s3"]["object"]
    key = f"incoming/{MODEL}/{zone.folder}/a.csv"
    zone.client("s3").delete_object(Bucket=LANDING, Key=key, VersionId=found["versionId"])
    assert zone.deliver(message) == []


def test_a_half_written_file_leaves_nothing(zone: Zone) -> None:
    zone.allow(landing={"megabytes": 100})
    rows = "".join(f"{day},1,Elbe,0\n" for day in range(800_000))
    zone.land("a.csv", f"day,height,harbour,flood\n{rows}x,1,Elbe,0\n")
    assert zone.reason("a.csv").startswith("row 800001, column day")
    s3 = zone.client("s3")
    assert not s3.list_objects_v2(Bucket=DATA, Prefix=f"{MODEL}/checked/{zone.folder}/").get("Contents")
    assert not s3.list_multipart_uploads(Bucket=DATA).get("Uploads")


@pytest.mark.parametrize("cell", ["two\nlines", "two\u2028lines", "a\x1ab", 'a"b', "x" * 131_072])
def test_what_is_accepted_can_be_read_by_a_build(zone: Zone, cell: str) -> None:
    zone.land("a.jsonl", json.dumps({"day": 1, "height": 2, "harbour": cell, "flood": 1}) + "\n")
    zone.land("_SUCCESS", "")
    (text,) = zone.files().values()
    assert list(csv.reader(io.StringIO(text, newline="")))[1] == ["1", "2", cell.strip(), "", "1"]


def test_a_marker_that_is_older_than_a_file_does_not_count(zone: Zone) -> None:
    zone.land("_SUCCESS", "")
    for name in ("a.csv", "b.csv"):
        zone.land(name)
    assert zone.told() == []
    zone.land("_SUCCESS", "")
    (event,) = zone.told()
    assert event["detail"]["files"] == 2
    zone.land("a.csv", ROWS.replace("3.5", "4.5"))
    assert zone.told() == []


def test_what_lies_deeper_holds_its_data_set_up_and_marks_nothing(zone: Zone) -> None:
    zone.land("a.csv")
    zone.land("sub/_SUCCESS", "")
    zone.land("_temporary/0/b.csv", "half a fi")
    assert zone.told() == []
    zone.land("part=1/b.csv")
    zone.land("_SUCCESS", "")
    assert [one["detail-type"] for one in zone.told()] == ["Data File Rejected"]


def test_one_that_looked_before_another_does_not_overtake_it(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, newer = data_set.look, ROWS.replace("3.5", "4.5")
    zone.deliver(zone.put("a.csv"))
    marker = zone.put("_SUCCESS", "")

    def slow(model: str, name: str) -> data_set.Folder:
        seen = look(model, name)
        monkeypatch.setattr(data_set, "look", look)
        zone.land("a.csv", newer)
        zone.land("_SUCCESS", "")
        return seen

    monkeypatch.setattr(data_set, "look", slow)
    assert zone.deliver(marker) == []
    assert len(zone.told()) == 1 and "4.5" in zone.files()["a.csv"]


def test_one_that_writes_late_leaves_the_newer_one_in_its_place(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, newer = data_set._write, ROWS.replace("3.5", "4.5")
    zone.deliver(zone.put("a.csv"))

    def slow(detail: dict[str, Any], fates: Any) -> None:
        monkeypatch.setattr(data_set, "_write", write)
        zone.land("a.csv", newer)
        zone.land("_SUCCESS", "")
        write(detail, fates)

    monkeypatch.setattr(data_set, "_write", slow)
    zone.land("_SUCCESS", "")
    first, late, last = (one["detail"]["version"] for one in zone.told())
    assert first == last != late
    assert "4.5" in zone.files()["a.csv"]


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidObjectState", "InvalidRequest"])
def test_what_s3_does_not_give_is_rejected_in_words(
    zone: Zone, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    closed = zone.put("a.csv")

    class Closed:
        """S3 where what has landed lies under a key that is not ours, or in an archive."""

        def __init__(self, s3: Any) -> None:
            self._s3 = s3

        def __getattr__(self, name: str) -> Any:
            return getattr(self._s3, name)

        def get_object(self, **asked: Any) -> Any:
            if asked["Key"].startswith("incoming/"):
                raise ClientError({"Error": {"Code": code, "Message": ""}}, "GetObject")
            return self._s3.get_object(**asked)

        def copy_object(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "CopyObject")

    real = take.client
    with monkeypatch.context() as patch:
        patch.setattr(take, "client", lambda name: Closed(real(name)) if name == "s3" else real(name))
        assert zone.deliver(closed) == []
    assert zone.reason("a.csv").startswith("S3 does not give it")
    assert [one["detail-type"] for one in zone.told()] == ["Data File Rejected"]


@pytest.mark.parametrize("length", [1012, 1013, 1024])
def test_a_key_that_leaves_no_room_for_the_reason_is_rejected_in_words(zone: Zone, length: int) -> None:
    start = f"incoming/{MODEL}/{zone.folder}/"
    zone.land("x" * (length - len(start) - 4) + ".csv")
    (event,) = zone.told()
    assert event["detail"]["reason"].startswith("the name of the file has other than up to 100 letters")


def test_a_reason_is_not_overwritten_by_what_is_called_like_it(zone: Zone) -> None:
    zone.land("b.csv", "no\n")
    zone.land("b.csv.reason.json", json.dumps({"reason": "all is well"}))
    assert zone.reason("b.csv").startswith("there is no column")
    assert zone.reason("b.csv.reason.json").startswith("its name ends in .reason.json")

"""Cameras out of files: in order, at their pace, and never stopped by one bad picture."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.errors import PartFailed
from edge.vision.cameras.folder import FolderSource
from edge.vision.cameras.pace import Pace
from edge.vision.cameras.video import VideoSource
from tests.cameras.drawn import HEIGHT, WIDTH, folder, picture, save, settings, video
from tests.fakes.clock import HandBeat, HandClock

Source = FolderSource | VideoSource


class FreeBeat(HandBeat):
    """Every beat comes at once, on the hand clock."""

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.advance(timeout or 0.0)
        return self.is_set()


@pytest.fixture
def pace() -> Pace:
    clock = HandClock()
    return Pace(30, clock, FreeBeat(clock))


def shown(source: Source, frames: int) -> list[int]:
    """Which of the drawn pictures come, by their background."""
    greys = {int(picture(seed)[0, 0, 0]): seed for seed in range(8)}
    image = np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8)
    seen = []
    for _ in range(frames):
        assert source.fill(image) is not None
        grey = int(image[0, 0, 0])
        seen.append(greys[min(greys, key=lambda known: abs(known - grey))])
    return seen


@pytest.fixture(params=[folder, video])
def make(request: pytest.FixtureRequest, tmp_path: Path, pace: Pace) -> Iterator[Callable[..., Source]]:
    def folder_source(**options: bool) -> Source:
        return FolderSource(settings("folder", folder(tmp_path / "pictures", 3)), pace, **options)

    def video_source(**options: bool) -> Source:
        return VideoSource(settings("video", video(tmp_path / "lane.avi", 3)), pace, **options)

    return folder_source if request.param is folder else video_source  # type: ignore[return-value]


def test_frames_come_in_order_and_begin_again(make: Callable[..., Source]) -> None:
    source = make()
    source.start()
    assert shown(source, 7) == [0, 1, 2, 0, 1, 2, 0]
    source.stop()


def test_without_a_loop_the_end_is_a_failed_camera(make: Callable[..., Source]) -> None:
    source = make(loop=False)
    source.start()
    shown(source, 3)
    with pytest.raises(PartFailed, match="has shown its last"):
        shown(source, 1)
    source.stop()


def test_frames_keep_the_pace(make: Callable[..., Source]) -> None:
    source = make()
    source.start()
    image = np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8)
    instants = [source.fill(image) for _ in range(5)]
    assert np.diff(np.array(instants, dtype=float)) == pytest.approx(1 / 30)
    source.stop()


def test_an_interrupted_wait_gives_no_frame(make: Callable[..., Source]) -> None:
    source = make()
    source.start()
    source.interrupt()
    assert source.fill(np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8)) is None
    source.stop()


def test_unreadable_pictures_are_skipped_counted_and_named_once(
    tmp_path: Path, pace: Pace, caplog: pytest.LogCaptureFixture
) -> None:
    pictures = folder(tmp_path / "pictures", 3)
    whole = (pictures / "001.png").read_bytes()
    (pictures / "001.png").write_bytes(whole[: len(whole) // 2])
    (pictures / "000a.jpg").write_bytes(b"")
    (pictures / "notes.txt").write_text("not an image, and nobody said that it was")
    source = FolderSource(settings("folder", pictures), pace)
    source.start()
    with caplog.at_level(logging.WARNING):
        assert shown(source, 4) == [0, 2, 0, 2]
    assert source.skipped == {"000a.jpg", "001.png"}
    assert caplog.messages == [
        "damaged image 000a.jpg (neither JPEG nor PNG) skipped (1 so far)",
        "truncated image 001.png skipped (2 so far)",
    ]


def test_pictures_of_any_size_come_at_the_configured_one(tmp_path: Path, pace: Pace) -> None:
    save(tmp_path / "wide.png", np.full((30, 90, 3), 255, np.uint8))
    source = FolderSource(settings("folder", tmp_path), pace)
    assert source.start() == (HEIGHT, WIDTH)
    image = np.full((HEIGHT, WIDTH, 3), 9, dtype=np.uint8)
    source.fill(image)
    assert set(np.unique(image)) == {0, 255}
    assert image[:, :, 0].any(axis=1).sum() == round(WIDTH / 3)


def test_a_video_of_any_size_comes_at_the_configured_one(tmp_path: Path, pace: Pace) -> None:
    source = VideoSource(settings("video", video(tmp_path / "small.avi", 2, 96, 64)), pace)
    assert source.start() == (HEIGHT, WIDTH)
    image = np.full((HEIGHT, WIDTH, 3), 9, dtype=np.uint8)
    source.fill(image)
    assert image[HEIGHT // 2].any()
    assert not image[0].any()
    source.stop()


def test_a_truncated_video_is_a_shorter_one(tmp_path: Path, pace: Pace) -> None:
    path = video(tmp_path / "lane.avi", 8)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    source = VideoSource(settings("video", path), pace)
    source.start()
    seen = shown(source, 16)
    frames = len(set(seen))
    assert 1 < frames < 8
    assert seen[: 2 * frames] == [*range(frames), *range(frames)]
    source.stop()


def test_a_folder_that_is_missing_empty_or_spoilt_is_named(tmp_path: Path, pace: Pace) -> None:
    with pytest.raises(PartFailed, match=f"folder camera {tmp_path}/nowhere cannot be listed"):
        FolderSource(settings("folder", tmp_path / "nowhere"), pace).start()
    with pytest.raises(PartFailed, match=r"has no \.jpg or \.png file"):
        FolderSource(settings("folder", tmp_path), pace).start()
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    source = FolderSource(settings("folder", tmp_path), pace)
    source.start()
    with pytest.raises(PartFailed, match=r"no readable image \(1 skipped\)"):
        source.fill(np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8))


def test_a_video_that_is_missing_or_spoilt_is_named(tmp_path: Path, pace: Pace) -> None:
    with pytest.raises(PartFailed, match=f"video camera {tmp_path}/nowhere.avi is not a file"):
        VideoSource(settings("video", tmp_path / "nowhere.avi"), pace).start()
    path = tmp_path / "spoilt.avi"
    path.write_bytes(b"RIFF" + bytes(500))
    with pytest.raises(PartFailed, match="is not a video that OpenCV can read"):
        VideoSource(settings("video", path), pace).start()


def test_a_video_without_a_frame_is_named(tmp_path: Path, pace: Pace) -> None:
    path = video(tmp_path / "lane.avi", 1)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"movi") + 4])
    source = VideoSource(settings("video", path), pace)
    source.start()
    with pytest.raises(PartFailed, match="has no readable frame"):
        source.fill(np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8))
    source.stop()


def test_a_missed_beat_is_left_out() -> None:
    clock = HandClock()
    pace = Pace(10, clock, FreeBeat(clock))
    pace.start()
    first = pace.beat()
    assert first is not None
    clock.advance(0.57)
    late = pace.beat()
    following = pace.beat()
    assert late == pytest.approx(first + 0.57)
    assert following == pytest.approx(first + 0.67)

"""The eye over one attempt: frames go in, sightings come out, and nothing stays.

Rule 1.  Everything counts from `begin` to `forget`. No capture of one attempt is fused with one of another.
Rule 2.  A sighting says one of four things: a crowd, nobody in the zone, one face that is unfit and why, or one probe.
         Only the last one needs an embedding, and only for it is one made: a crowd and a passer-by are never embedded.
Rule 3.  The whole frame is searched when there is no track, and again `RESCAN_S` after the last time. Between, only the
         place where the face was is looked at, so a second person is seen at most `RESCAN_S` late.
Rule 4.  A capture that is not like the track's embedding is another face: a new track begins with it.
Rule 5.  `forget` overwrites every buffer in which pixels or embeddings of a person can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from edge.core.values import AttemptId, Instant, Pad, Unfit
from edge.vision.find import Face, FaceFinder
from edge.vision.fuse import Fusion
from edge.vision.meter import Meter, scene_light
from edge.vision.quality import Limits, judge, quality
from edge.vision.track import Tracker
from edge.vision.zone import Zone, candidates
from edge.wire.messages import Probe, Sighting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.ports import Frame
    from edge.vision.embed import Embedder, Vector
    from edge.vision.sampling import Image
    from edge.vision.stages import Stages

RESCAN_S = 0.1
NO_ATTEMPT = AttemptId(0)
MAX_CANDIDATES = 64
"""As in `Sighting`."""


class Eye:
    """One camera's worth of looking. One thread at a time; frames are borrowed during a call."""

    def __init__(
        self,
        finder: FaceFinder,
        embedder: Embedder,
        stages: Stages,
        *,
        zone: Zone,
        limits: Limits,
        same_face: float,
        pad: Literal["none", "simulated"] = "none",
    ) -> None:
        """`same_face` is the cosine below which a capture is another face than its track's (rule 4)."""
        self._finder, self._embedder, self._stages = finder, embedder, stages
        self._zone, self._default_limits, self._same_face = zone, limits, same_face
        # "simulated" shows that the gate obeys presentation attack detection; it detects nothing, and says so.
        self._pad = Pad.BONA_FIDE if pad == "simulated" else Pad.NOT_DONE
        self._meter, self._tracker, self._fusion = Meter(), Tracker(), Fusion(embedder.model.dims)
        self._limits, self._attempt = limits, NO_ATTEMPT
        self._face: Face | None = None
        self._scanned_at: Instant = float("-inf")
        self.frames = 0
        """Frames looked at since the start."""

    @property
    def embeddings(self) -> int:
        """Embeddings made since the start."""
        return self._embedder.count

    @property
    def stage_us(self) -> dict[str, int]:
        """Median time of each stage over the newest frames, in microseconds."""
        return self._stages.median_us

    def begin(self, attempt: AttemptId, limits: Limits | None = None) -> None:
        """A new attempt, with limits of its own if it has to be stricter."""
        self._attempt, self._limits = attempt, limits or self._default_limits
        self._drop_track()

    def see(self, frame: Frame) -> Sighting:
        """What one frame shows. Raises `NotAnEmbedding`; the frame is then worth nothing."""
        self.frames += 1
        height, width = frame.image.shape[:2]
        faces = self._faces(frame)
        standing = candidates(faces, lambda face: face.place, self._zone, height, width)
        if len(standing) > 1:
            self._drop_track()
            return self._sighting(frame, len(standing))
        if not standing:
            self._face = None
            return self._sighting(frame, 0, unfit=self._why_nobody(frame.image, faces))
        return self._look_at(standing[0], frame)

    def examine(self, image: Image, limits: Limits) -> Probe | str:
        """A reference capture from one still picture, or in words why it is none.

        Raises:
            NotAnEmbedding: the model gave NaN or zero.
        """
        faces = self._finder.find(image)
        if not faces:
            return (scene_light(image, limits) or Unfit.NO_FACE).value
        if len(faces) > 1:
            return f"{len(faces)} faces; a reference needs a picture of exactly one"
        measured = self._meter.measure(self._finder.frame, faces[0])
        unfit = judge(measured, limits)
        if unfit is not None:
            return unfit.value
        self._embedder.align(self._finder.frame, faces[0].points)
        return self._probe(self._tracker.restart(), self._embedder.embed(), 1, faces[0], quality(measured))

    def self_test(self) -> None:
        """Run every model once on black, which is nobody. Raises what a broken model raises."""
        self._finder.self_test()
        self._embedder.self_test()

    def forget(self) -> None:
        """Overwrite everything of the attempt that ended (rule 5)."""
        self._drop_track()
        self._attempt, self._limits = NO_ATTEMPT, self._default_limits
        for part in (self._finder, self._embedder, self._meter):
            part.forget()

    @property
    def buffers(self) -> list[NDArray[Any]]:
        """Every buffer in which pixels or embeddings of a person can be."""
        parts = (self._finder, self._embedder.model, self._meter, self._fusion)
        return [buffer for part in parts for buffer in part.buffers]

    def _faces(self, frame: Frame) -> list[Face]:
        if self._face is not None and frame.captured_at - self._scanned_at < RESCAN_S:
            again = self._finder.find_again(frame.image, self._face)
            if again:
                return again
        self._scanned_at = frame.captured_at
        return self._finder.find(frame.image)

    def _look_at(self, face: Face, frame: Frame) -> Sighting:
        before = self._tracker.track
        track = self._tracker.follow(face.place, frame.captured_at)
        if track != before:
            self._fusion.forget()
        self._face = face
        with self._stages.timed("quality"):
            measured = self._meter.measure(self._finder.frame, face)
            unfit = judge(measured, self._limits)
        if unfit is not None:
            return self._sighting(frame, 1, unfit=unfit)
        with self._stages.timed("align"):
            self._embedder.align(self._finder.frame, face.points)
        with self._stages.timed("embed"):
            embedding = self._embedder.embed()
        with self._stages.timed("fuse"):
            if not self._fusion.resembles(embedding, self._same_face):
                track = self._tracker.restart()
                self._fusion.forget()
            self._fusion.add(embedding, quality(measured))
            probe = self._probe(track, self._fusion.fused(), self._fusion.count, face, quality(measured))
        return self._sighting(frame, 1, probe=probe)

    def _why_nobody(self, image: Image, beside: list[Face]) -> Unfit:
        if beside:
            return Unfit.OFF_ZONE
        return scene_light(image, self._limits) or Unfit.NO_FACE

    def _drop_track(self) -> None:
        self._tracker.lose()
        self._fusion.forget()
        if self._face is not None:
            self._face.points.fill(0)
        self._face = None
        self._scanned_at = float("-inf")

    def _sighting(
        self, frame: Frame, count: int, *, unfit: Unfit | None = None, probe: Probe | None = None
    ) -> Sighting:
        return Sighting(
            attempt=self._attempt,
            captured_at=frame.captured_at,
            candidates=min(count, MAX_CANDIDATES),
            unfit=unfit,
            probe=probe,
        )

    def _probe(self, track: int, embedding: Vector, frames: int, face: Face, worth: float) -> Probe:
        return Probe(
            track=track,
            frames=frames,
            embedding=embedding.astype("<f4").tobytes(),
            face_px=face.size_px,
            quality=worth,
            pad=self._pad,
        )

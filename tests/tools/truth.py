"""Compare parameters with known cosmic rays: defaults, edges, tails, remedies, and what ``tune`` suggests.

    python -m tests.tools.truth [--frames TEXT] [--seeds N] [--first-seed N] [--write FILE]

Rays that the tuned code never saw are put into real and simulated frames. Printed for each frame: F1 of pixels and of
rays in percent (pixel truth: at least 3 sigma of injected charge), and the stars that are touched.
"""

import argparse
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from ginga_crplugin import (
    Frame,
    LACosmic,
    TailOptions,
    check_frame,
    check_result,
    detect,
    find_tails,
    segment,
    with_hints,
)
from ginga_crplugin.core.tuning.stars import find_scene
from ginga_crplugin.core.tuning.tune import tune
from tests.tools.truth_frames import SQUARE, Known, cases, put_in

#: Hints that do not say that a segment is something else than a cosmic ray.
NEUTRAL = '', 'at the edge', 'touches a mask'
#: The line of a page below which the tables stand.
MARK = '.. made by tests.tools.truth'
STRATEGIES = ('defaults', 'edges', 'tails', 'remedies', 'tuned', 'tuned, edges, tails', 'best of grid')


@dataclass(frozen=True)
class Score:
    """F1 of pixels and of rays, and the number of stars touched."""

    pixels: float
    rays: float
    stars: int


class Comparison:
    """Compares masks with the truth about one frame."""

    def __init__(self, known: Known) -> None:
        self.truth, self.ignored = known.injected.labels, known.ignored
        case = known.case
        self.rays = np.zeros(self.truth.shape, dtype=bool)
        self.rays.ravel()[known.injected.touched] = True
        if case.stars is None:
            scene = find_scene(case.frame, case.params)
            centers, radius = np.stack([scene.x, scene.y], axis=1), scene.core_radius
        else:
            centers, radius = case.stars[case.stars[:, 2] > 0, :2], max(1.5, 0.75 * case.fwhm)
        self.stars = len(centers)
        self.core = np.zeros(self.truth.shape, dtype=np.int32)
        reach = int(radius) + 1
        for number, (cx, cy) in enumerate(centers, start=1):
            box = tuple(slice(max(int(c) - reach, 0), int(c) + reach + 2) for c in (cy, cx))
            y, x = np.mgrid[box][:, : self.truth.shape[0], : self.truth.shape[1]]
            cut = self.core[box]
            cut[np.hypot(y - cy, x - cx)[: cut.shape[0], : cut.shape[1]] <= radius] = number

    def score(self, mask: np.ndarray) -> Score:
        counted = mask & ~self.ignored
        labels, count = ndimage.label(counted, SQUARE)
        wanted = self.truth > 0
        right = np.unique(labels[counted & self.rays])
        found = len(np.unique(self.truth[counted & wanted]))
        total = len(np.unique(self.truth[wanted]))
        false_segments = count - np.count_nonzero(right)
        pixels = 2.0 * np.count_nonzero(counted & wanted) / max(np.count_nonzero(counted) + np.count_nonzero(wanted), 1)
        touched = np.unique(self.core[counted & ~self.rays])
        return Score(100 * pixels, 200.0 * found / max(found + false_segments + total, 1), np.count_nonzero(touched))


def with_tails(frame: Frame, detection) -> np.ndarray:
    """Return the mask with tails of 2.5 sigma and 4 steps."""
    mask = detection.crmask.copy()
    mask.ravel()[find_tails(frame, detection, TailOptions(sigma=2.5, steps=4)).indices] = True
    return mask


def take_remedies(frame, params):
    """Apply every remedy that the checks offer, one after the other."""
    for _ in range(8):
        detection = detect(frame, params)
        checks = [*check_frame(frame, params), *check_result(frame, detection, segment(frame, detection))]
        remedies = [check.remedy for check in checks if check.remedy is not None and not check.remedy.allow_mosaic]
        remedies = [item for item in remedies if item.params or item.mask is not None]
        if not remedies:
            break
        changes = remedies[0].params
        if remedies[0].mask is not None:
            frame = frame.replace(masks=(*frame.masks, remedies[0].mask))
        params = replace(params, **changes)
    return frame, params


def compare(known: Known, hints: dict) -> tuple[dict[str, Score], object]:
    """Return the scores of all strategies for a frame, and the result of tune."""
    frame, params, truth = known.injected.frame, known.case.params, Comparison(known)
    found = detect(frame, params)
    scores = {'defaults': truth.score(found.crmask)}
    scores['edges'] = truth.score(detect(frame, replace(params, search_edges=True)).crmask)
    scores['tails'] = truth.score(with_tails(frame, found))
    changed, remedied = take_remedies(frame, params)
    scores['remedies'] = truth.score(detect(changed, remedied).crmask)
    result = tune(frame, params)
    chosen = result.suggested.params if result.suggested else params
    scores['tuned'] = truth.score(detect(frame, replace(chosen, search_edges=False)).crmask)
    chosen = replace(chosen, search_edges=True)
    scores['tuned, edges, tails'] = truth.score(with_tails(frame, detect(frame, chosen)))
    engine = LACosmic(frame, params)
    grid = [truth.score(engine.detect(quality.params).crmask) for quality in result.sets]
    scores['best of grid'] = max(grid, key=lambda item: item.pixels + item.rays) if grid else scores['defaults']
    count_hints(truth, frame, found, hints)
    return scores, result


def count_hints(truth, frame, found, hints):
    """Count the hints of rays, stars and other segments of the defaults."""
    segments = with_hints(frame, found, segment(frame, found))
    for label, hint in zip(segments.table['label'], segments.table['hint'], strict=True):
        pixels = segments.pixels_of(label)
        if truth.ignored.ravel()[pixels].any():
            continue
        kind = 'ray' if truth.rays.ravel()[pixels].any() else 'star' if truth.core.ravel()[pixels].any() else 'other'
        hints[kind, 'none' if hint in NEUTRAL else str(hint)] += 1


def format_table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Return a list table in reStructuredText."""
    lines = ['.. list-table::', '   :header-rows: 1', '']
    for row in [head, *rows]:
        lines += [f'   {"*" if k == 0 else " "} - {cell}' for k, cell in enumerate(row)]
    return [*lines, '']


def mean_rows(rows) -> list[list[str]]:
    """Return the mean scores of groups of frames."""
    groups = {
        'well-sampled': [row for row in rows if row[0].well_sampled and not row[0].refused],
        'undersampled': [row for row in rows if not row[0].well_sampled and not row[0].refused],
        'full of hot pixels': [row for row in rows if row[0].refused],
    }
    return [
        [f'{name} ({len(some)})']
        + [
            f'{np.mean([s[k].pixels for _, s, _ in some]):.1f} / {np.mean([s[k].rays for _, s, _ in some]):.1f}'
            for k in STRATEGIES
        ]
        for name, some in groups.items()
        if some
    ]


def report(rows, hints) -> list[str]:
    """Return the tables in reStructuredText."""
    frames = [
        [case.name, *(f'{s[k].pixels:.0f} / {s[k].rays:.0f} / {s[k].stars}' for k in STRATEGIES), estimates(result)]
        for case, s, result in rows
    ]
    kinds = sorted({kind for kind, _ in hints})
    names = sorted({hint for _, hint in hints})
    lines = ['Mean F1 of pixels / of rays', '---------------------------', '']
    lines += format_table(['frames', *STRATEGIES], mean_rows(rows))
    lines += ['Frame by frame', '--------------', '', 'F1 of pixels / of rays / stars touched.', '']
    lines += format_table(['frame, seed', *STRATEGIES, 'estimated by tune'], frames)
    lines += ['Hints', '-----', '', 'Segments found with the defaults, by what they are and by their hint.', '']
    return lines + format_table(['truth', *names], [[kind, *(str(hints[kind, n]) for n in names)] for kind in kinds])


def estimates(result) -> str:
    """Return what tune estimated for its suggestion, or why there is none."""
    best = result.suggested
    return f'{100 * best.f1_pixels:.0f} / {100 * best.f1_rays:.0f}' if best else f'refused: {result.refused}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--frames', default='', help='only frames whose names contain this text')
    parser.add_argument('--seeds', type=int, default=1, help='number of seeds (default: 1)')
    parser.add_argument('--first-seed', type=int, default=0, help='the first of these seeds (default: 0)')
    parser.add_argument('--write', type=Path, help='replace the tables in this file (reStructuredText)')
    args = parser.parse_args()
    hints, rows = defaultdict(int), []
    for case in cases(args.frames):
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            scores, result = compare(put_in(case, seed), hints)
            name = f'{case.name}, {seed}'
            rows.append((replace(case, name=name), scores, result))
            figures = (f'{s.pixels:5.1f}/{s.rays:5.1f}/{s.stars:3d}' for s in scores.values())
            print(f'{name:24}', *figures, estimates(result), flush=True)
    for row in mean_rows(rows):
        print(*row)
    print(dict(hints))
    if args.write:
        text = args.write.read_text(encoding='utf-8')
        head = text.partition(MARK)[0] + MARK
        args.write.write_text('\n'.join([head, '', *report(rows, hints)]).rstrip() + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()

"""Compare the repairs on simulated frames: python tests/tools/compare_repairs.py

Writes docs/benchmarks/repair.csv, the table of the page on repairs. All pixels with at least one standard deviation of
injected charge are replaced, as after a review in which whole tracks were marked; ``detected`` has the values of
L.A.Cosmic where it has flagged them.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from astropy.stats import gaussian_fwhm_to_sigma

from ginga_crplugin import Frame, LACosmicParams, detect, repair
from ginga_crplugin.core.repair_names import REPAIRS

SHAPE, READNOISE, SKY = (400, 400), 5.0, 200.0
APERTURE = 6.0
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
HEADER = (
    'repair',
    *(
        f'{what}: {number}'
        for what in ('sky', 'star wings', 'spectrum', 'star flux (FWHM 2) %', 'star flux (FWHM 4) %')
        for number in ('bias', 'error')
    ),
)


def gauss(distance, fwhm):
    return np.exp(-0.5 * (distance / (fwhm * gaussian_fwhm_to_sigma)) ** 2)


def star_field(rng, fwhm):
    """Return the expected electrons of stars near the points of a grid, their positions and their fluxes."""
    positions = [(y, x) for y in range(20, 390, 24) for x in range(20, 390, 24)]
    positions = np.array(positions) + rng.uniform(-0.5, 0.5, (len(positions), 2))
    fluxes = 10 ** rng.uniform(4.0, 5.3, len(positions))
    sigma = fwhm * gaussian_fwhm_to_sigma
    image = np.full(SHAPE, SKY)
    for (y, x), flux in zip(positions, fluxes, strict=True):
        part = slice(int(y) - 11, int(y) + 13), slice(int(x) - 11, int(x) + 13)
        image[part] += flux * gauss(np.hypot(Y[part] - y, X[part] - x), fwhm) / (2.0 * np.pi * sigma**2)
    return image, positions, fluxes


def spectrum(rng):
    """Return the expected electrons of spectra along x with lines, sky lines along y, and positions on spectra."""
    lines = sum(rng.uniform(0.3, 2.0) * gauss(X - x, 3.0) for x in rng.uniform(0, SHAPE[1], 40))
    sky_lines = sum(rng.uniform(300.0, 3000.0) * gauss(X - x, 3.0) for x in rng.uniform(0, SHAPE[1], 12))
    rows = np.arange(15.0, 390.0, 25.0)
    traces = sum(rng.uniform(500.0, 3000.0) * gauss(Y - row - 0.005 * X, 4.0) for row in rows)
    x = rng.uniform(0, SHAPE[1], 500)
    y = rng.choice(rows, 500) + 0.005 * x + rng.uniform(-4.0, 4.0, 500)
    return SKY + sky_lines + traces * (1.0 + lines), np.stack([y, x], axis=1)


def tracks(rng, centers):
    """Return the electrons of straight tracks of random angles and charges through given positions (y, x)."""
    charge = np.zeros(SHAPE)
    for y, x in centers:
        angle, length = rng.uniform(0.0, np.pi), 2.0 + rng.exponential(4.0)
        steps = np.arange(-length / 2.0, length / 2.0, 0.05)
        rows = np.rint(y + steps * np.sin(angle)).astype(int)
        columns = np.rint(x + steps * np.cos(angle)).astype(int)
        inside = (rows >= 0) & (rows < SHAPE[0]) & (columns >= 0) & (columns < SHAPE[1])
        np.add.at(charge, (rows[inside], columns[inside]), 10 ** rng.uniform(2.7, 4.0) * 0.05)
    return charge


def expose(rng, expected):
    return rng.poisson(expected) + rng.normal(0.0, READNOISE, SHAPE)


def cleaned_images(rng, expected, centers):
    """Return the frame without tracks, the replaced pixels, the noise, and the cleaned image of each repair."""
    clean, charge = expose(rng, expected), tracks(rng, centers)
    frame, noise = Frame((clean + charge).astype(np.float32)), np.sqrt(expected + READNOISE**2)
    detection = detect(frame, LACosmicParams(gain=1.0, readnoise=READNOISE))
    pixels = np.flatnonzero(charge >= noise)
    other = expose(rng, 0.7 * (expected - SKY) + 1.3 * SKY)
    cleaned = {
        name: repair(frame, detection, None, pixels, method=name, exposure=other).cleaned.astype(float)
        for name in REPAIRS
    }
    cleaned['none'] = clean + charge
    return clean, pixels, noise, cleaned


def errors_of(values):
    """Return the median, and the absolute value below which 68 % of the values are."""
    return np.median(values), np.percentile(np.abs(values), 68.3)


def residuals(rng, expected, centers):
    """Return median and error of the residuals of replaced pixels, in units of the noise, by repair."""
    _, pixels, noise, cleaned = cleaned_images(rng, expected, centers)
    return {name: errors_of(((image - expected) / noise).ravel()[pixels]) for name, image in cleaned.items()}


def wing_positions(rng, positions, low, high):
    """Return a position beside each star, at a distance in pixels."""
    angle, distance = rng.uniform(0.0, 2.0 * np.pi, len(positions)), rng.uniform(low, high, len(positions))
    return positions + np.stack([distance * np.sin(angle), distance * np.cos(angle)], axis=1)


def photometry(rng, fwhm):
    """Return median and error of the fluxes of stars hit within one FWHM of their centers, in percent."""
    expected, positions, fluxes = star_field(rng, fwhm)
    clean, _, _, cleaned = cleaned_images(rng, expected, wing_positions(rng, positions, 0.0, fwhm))
    errors: dict[str, list[float]] = {name: [] for name in cleaned}
    for (y, x), flux in zip(positions, fluxes, strict=True):
        aperture = np.hypot(Y - y, X - x) <= APERTURE
        for name, image in cleaned.items():
            errors[name].append(100.0 * (image[aperture].sum() - clean[aperture].sum()) / flux)
    return {name: errors_of(np.array(values)) for name, values in errors.items()}


def measure(seed):
    """Return the rows of the table."""
    rng = np.random.default_rng(seed)
    everywhere = rng.uniform(0, SHAPE[0], (500, 2))
    field, positions, _ = star_field(rng, 3.0)
    columns = [
        residuals(rng, np.full(SHAPE, SKY), everywhere),
        residuals(rng, field, wing_positions(rng, positions, 2.0, 5.0)),
        residuals(rng, *spectrum(rng)),
        photometry(rng, 2.0),
        photometry(rng, 4.0),
    ]
    return [[name, *(f'{value:.2f}' for column in columns for value in column[name])] for name in (*REPAIRS, 'none')]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seed', type=int, default=170817)
    folder = Path(__file__).resolve().parents[2] / 'docs' / 'benchmarks'
    parser.add_argument('-o', '--output', type=Path, default=folder / 'repair.csv')
    args = parser.parse_args()
    rows = measure(args.seed)
    with args.output.open('w', newline='') as file:
        csv.writer(file, lineterminator='\n').writerows([HEADER, *rows])
    for row in (HEADER, *rows):
        print(','.join(row))


if __name__ == '__main__':
    main()

"""Energy loss and scattering of muons and electrons in silicon, and the diffusion of the charge they free."""

from dataclasses import dataclass

import numpy as np

__all__ = ['PAIR_ENERGY', 'Sensor', 'electron_loss', 'muon_charge', 'muon_directions', 'scattering_angle']

#: Energy per electron-hole pair in silicon in eV (Janesick 2001, Scientific Charge-Coupled Devices, section 1.2).
PAIR_ENERGY = 3.65
#: Density (g/cm3), Z/A (mol/g), mean excitation energy and plasma energy (eV), and radiation length (cm) of silicon
#: (PDG, Atomic and nuclear properties of materials).
_DENSITY, _Z_OVER_A, _EXCITATION, _PLASMA, _RADIATION_LENGTH = 2.329, 0.49848, 173.0, 31.05, 9.37
#: Rest energy of the electron (MeV), and the coefficient 4 pi N_A r_e^2 m_e c^2 (MeV cm2/mol; PDG, table 34.1).
_ELECTRON, _K = 0.511, 0.307075
#: Largest deviation of the energy loss of a step from the most probable one, in units of the Landau width: beyond it, a
#: free electron leaves a track of its own.
_MAX_LANDAU = 60.0


@dataclass(frozen=True)
class Sensor:
    """Geometry of a CCD as far as it shapes the tracks of cosmic rays.

    The defaults are those of a thinned CCD. A thick, fully depleted one (Groom 2002) has a thickness of 200 to 300
    microns and a diffusion of 4 to 8 microns.

    Attributes
    ----------
    thickness : float
        Thickness of the sensitive silicon in microns.
    pixel_size : float
        Side of a pixel in microns.
    diffusion : float
        Spread of charge from the back surface when it is collected (rms, microns). That of charge from other depths is
        smaller by the square root of the depth, as in a uniform drift field (Groom 2002).
    tilt : float
        Angle between the normal of the sensor and the zenith in degrees.

    Raises
    ------
    ValueError
        If a length is not positive.

    References
    ----------
    Groom 2002, Experimental Astronomy 14, 45.
    """

    thickness: float = 20.0
    pixel_size: float = 15.0
    diffusion: float = 5.0
    tilt: float = 30.0

    def __post_init__(self) -> None:
        for name in ('thickness', 'pixel_size', 'diffusion'):
            if not getattr(self, name) > 0.0:
                msg = f'{name} is {getattr(self, name)!r}: it must be a positive number of microns'
                raise ValueError(msg)


def muon_directions(rng: np.random.Generator, count: int, tilt: float) -> np.ndarray:
    """Draw the directions of muons that cross a sensor.

    The intensity is proportional to the squared cosine of the zenith angle (PDG, section 30.3.1), and the number of
    muons through a surface to the cosine of the angle to its normal.

    Parameters
    ----------
    rng : `numpy.random.Generator`
        Random numbers.
    count : int
        Number of muons.
    tilt : float
        Angle between the normal of the sensor and the zenith in degrees.

    Returns
    -------
    (count, 3) float ndarray
        Unit vectors; the third axis is the normal of the sensor, and its component is positive.
    """
    found = np.empty((0, 3))
    angle = np.radians(tilt)
    while len(found) < count:
        cosine = rng.random(4 * count) ** (1.0 / 3.0)  # cos^2 per solid angle
        azimuth = rng.uniform(0.0, 2.0 * np.pi, cosine.size)
        sine = np.sqrt(1.0 - cosine**2)
        x, y = sine * np.cos(azimuth), sine * np.sin(azimuth)
        x, z = x * np.cos(angle) - cosine * np.sin(angle), x * np.sin(angle) + cosine * np.cos(angle)
        crossing = rng.random(cosine.size) < np.abs(z)
        found = np.concatenate([found, np.stack([x, y, np.abs(z)], axis=1)[crossing]])
    found = found[:count]
    turn = rng.uniform(0.0, 2.0 * np.pi, count)  # the columns may point anywhere
    x = found[:, 0] * np.cos(turn) - found[:, 1] * np.sin(turn)
    found[:, 1] = found[:, 0] * np.sin(turn) + found[:, 1] * np.cos(turn)
    found[:, 0] = x
    return found


def muon_charge(rng: np.random.Generator, steps: np.ndarray) -> np.ndarray:
    """Draw the charge that relativistic muons free along steps of their tracks.

    The most probable energy loss is that of the Fermi plateau (PDG, equation 34.13), its fluctuations follow the Landau
    distribution with a full width at half maximum of 4 xi.

    Parameters
    ----------
    rng : `numpy.random.Generator`
        Random numbers.
    steps : (n,) float ndarray
        Lengths of the steps in microns.

    Returns
    -------
    (n,) float ndarray
        Electrons; about 80 per micron.
    """
    from scipy.stats import landau  # takes half a second to import

    xi = 0.5 * _K * _Z_OVER_A * _DENSITY * np.maximum(steps, 1e-3) * 1e-4  # MeV
    probable = xi * (np.log(2.0 * _ELECTRON * xi / (_PLASMA * 1e-6) ** 2) + 0.2)
    deviation = np.minimum(landau.rvs(size=len(steps), random_state=rng) + 0.22278, _MAX_LANDAU)
    return np.maximum(probable + xi * deviation, 0.0) * 1e6 / PAIR_ENERGY


def electron_loss(energy: np.ndarray) -> np.ndarray:
    """Return the mean energy loss of electrons in silicon (PDG, equation 34.24, without the density effect).

    Parameters
    ----------
    energy : (n,) float ndarray
        Kinetic energies in MeV.

    Returns
    -------
    (n,) float ndarray
        MeV per micron.
    """
    kinetic = np.maximum(energy, 1e-3)
    gamma = 1.0 + kinetic / _ELECTRON
    beta2 = 1.0 - gamma**-2
    bracket = np.log(_ELECTRON * beta2 * gamma**2 * kinetic / 2.0 / (_EXCITATION * 1e-6) ** 2) + (1.0 - beta2)
    bracket += ((gamma - 1.0) / gamma) ** 2 / 8.0 - (2.0 * gamma - 1.0) / gamma**2 * np.log(2.0)
    return 0.5 * _K * _Z_OVER_A * _DENSITY / beta2 * bracket * 1e-4


def scattering_angle(energy: np.ndarray, step: float) -> np.ndarray:
    """Return the projected angle of multiple scattering of electrons in silicon (PDG, equation 34.16).

    Parameters
    ----------
    energy : (n,) float ndarray
        Kinetic energies in MeV.
    step : float
        Length of the step in microns.

    Returns
    -------
    (n,) float ndarray
        Standard deviation in radians.
    """
    gamma = 1.0 + np.maximum(energy, 1e-3) / _ELECTRON
    momentum_beta = _ELECTRON * (gamma - 1.0 / gamma)  # MeV
    length = step * 1e-4 / _RADIATION_LENGTH
    return 13.6 / momentum_beta * np.sqrt(length) * (1.0 + 0.038 * np.log(length))

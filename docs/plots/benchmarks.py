"""Plot of the engine benchmark."""

import json
from pathlib import Path

import matplotlib.pyplot as plt

RESULTS = json.loads(Path('../benchmarks/engine.json').read_text())['results']  # the working directory is docs/plots
PLAIN = [result for result in RESULTS if not result['crowded']]
LINES = {
    'ccdproc': ('#000000', 'o-', lambda result: result['reference']['first']),
    'first result': ('#D55E00', 's-', lambda result: result['engine']['first']),
    'read noise changed': ('#CC79A7', 'v-', lambda result: result['engine']['read noise']),
    'mask changed': ('#0072B2', 'D-', lambda result: result['engine']['mask']),
    'sigclip changed': ('#009E73', '^-', lambda result: result['engine']['sigclip']),
}


def times():
    """Plot the time as a function of the size of the frame."""
    sizes = [result['size'] for result in PLAIN]
    _, axis = plt.subplots(figsize=(8.0, 4.2), layout='constrained')
    for name, (color, style, seconds) in LINES.items():
        axis.loglog(sizes, [seconds(result['sepmed']) for result in PLAIN], style, color=color, label=name)
    axis.axhspan(0.0005, 0.15, color='#eeeeee', zorder=0)
    axis.text(sizes[0], 0.125, 'follows a slider', fontsize=8, va='top')
    axis.set_ylim(0.001, None)
    axis.set_xticks(sizes, [f'{size} x {size}' for size in sizes])
    axis.minorticks_off()
    axis.set_xlabel('pixels')
    axis.set_ylabel('seconds, one thread')
    axis.legend(frameon=False, loc='center left', bbox_to_anchor=(1.0, 0.5))

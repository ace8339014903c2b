"""What the pages take from the code when they are built, and how short names find their page."""

from sphinx.ext.intersphinx import missing_reference
from sphinx.util.nodes import make_refnode

#: Where a class is documented, for those that live elsewhere than they are imported from.
_ELSEWHERE = {
    'astropy.nddata.ccddata.CCDData': 'astropy.nddata.CCDData',
    'astro_image_display_api.ImageViewerInterface': 'astro_image_display_api.interface_definition.ImageViewerInterface',
    'astropy.table.table.QTable': 'astropy.table.QTable',
}


def resolve(app, env, node, content):
    """Find the page of a name that is given without its module, or by the module it lives in."""
    target = node.get('reftarget')
    if node.get('refdomain') != 'py' or not target:
        return None
    if target in _ELSEWHERE:
        node['reftarget'] = _ELSEWHERE[target]
        return missing_reference(app, env, node, content)
    found = env.domains.python_domain.find_obj(env, '', '', target, None, 1)
    pages = {(entry.docname, entry.node_id) for _, entry in found if not entry.aliased}
    if len(pages) != 1:
        return None
    docname, anchor = pages.pop()
    return make_refnode(app.builder, node['refdoc'], docname, anchor, content, target)


def setup(app):
    """Register what Sphinx is to call."""
    app.connect('missing-reference', resolve, priority=900)
    return {'parallel_read_safe': True}

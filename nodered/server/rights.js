// Who may do what where. `rights`: node -> role, as the web service says them; the site is the node ''. The page closes
// buttons by it, the server refuses by it. Decides as trackerdcs/domain/access.py does; both are tested by tests/rights.json.
'use strict';

const ROLES = ['viewer', 'shifter', 'expert', 'admin'];

/** The highest role that was given at a channel (`-`: its device) or further up; undefined for none. */
function roleAt(rights, stand, device, ch = '-') {
    const nodes = ['', stand, `${stand}/${device}`, ...(ch === '-' ? [] : [`${stand}/${device}/${ch}`])];
    const held = nodes.filter((node) => Object.hasOwn(rights || {}, node)).map((node) => ROLES.indexOf(rights[node]));
    return ROLES[Math.max(-1, ...held)];
}

/** True if `role` is `needed` or a higher one; nobody has what is no role. */
function suffices(role, needed) {
    return ROLES.includes(needed) && ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** `viewer, expert at demo` */
function standing(rights) {
    const { '': site, ...below } = rights || {};
    return [...(site ? [site] : []), ...Object.keys(below).sort().map((node) => `${below[node]} at ${node}`)].join(', ') || 'without a role';
}

/** The header of the web service: rights, or none at all where it is not what was expected. */
function parse(text) {
    try {
        const said = JSON.parse(text);
        const fine = said && typeof said === 'object' && !Array.isArray(said);
        return fine ? Object.fromEntries(Object.entries(said).filter(([, role]) => ROLES.includes(role))) : {};
    } catch {
        return {};
    }
}

module.exports = { roleAt, suffices, standing, parse };

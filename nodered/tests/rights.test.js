'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { parse, roleAt, standing, suffices } = require('../server/rights.js');
const table = require('./rights.json');

test('what was given above holds below, and nowhere else: the table that the web service is tested with', () => {
    for (const { rights, node, role } of table) {
        assert.equal(roleAt(rights, ...node.split('/')), role || undefined, JSON.stringify({ rights, node }));
    }
    assert.equal(roleAt(undefined, 's', 'd', 'c'), undefined);
    assert.equal(roleAt({ constructor: 'admin' }, '__proto__', 'd', 'c'), undefined);
});

test('a role that nobody knows is neither enough nor to be had', () => {
    assert.ok(suffices('expert', 'shifter'));
    for (const [role, needed] of [['viewer', 'shifter'], [undefined, 'viewer'], ['admin', 'root'], ['root', 'viewer'], ['root', 'root']]) {
        assert.ok(!suffices(role, needed), `${role} ${needed}`);
    }
});

test('a header that is not what was expected gives no right', () => {
    assert.deepEqual(parse('{"": "viewer", "demo": "expert"}'), { '': 'viewer', demo: 'expert' });
    for (const text of [null, undefined, '', 'admin', '"admin"', 'null', '[]', '["admin"]', '7', '{"": "root"}', '{"": ["admin"]}', '{"": {}}', '{']) {
        assert.deepEqual(parse(text), {}, String(text));
    }
});

test('in words', () => {
    assert.equal(standing({ demo: 'expert', '': 'viewer', 'a/b': 'shifter' }), 'viewer, shifter at a/b, expert at demo');
    assert.equal(standing({}), 'without a role');
    assert.equal(standing(undefined), 'without a role');
});

"""JSON Schema, as much of it as docs/json uses: type, properties, required, additionalProperties,
items, enum, const, anyOf. Unknown words are refused, so that no schema says what nothing checks."""

TYPES = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'null': type(None)}
WORDS = {'$schema', 'title', 'description', 'type', 'properties', 'required',
         'additionalProperties', 'items', 'enum', 'const', 'anyOf'}


def _is(value, name):
    if name in ('integer', 'number'):
        kinds = int if name == 'integer' else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def _object(value, schema, path):
    properties = schema.get('properties', {})
    for key in schema.get('required', []):
        if key not in value:
            yield f'{path}.{key} is missing'
    for key, member in value.items():
        if key in properties:
            yield from faults(member, properties[key], f'{path}.{key}')
        elif schema.get('additionalProperties') is False:
            yield f'{path}.{key} is not described'


def faults(value, schema, path=''):
    """What is wrong with VALUE, a sentence each."""
    unknown = set(schema) - WORDS
    assert not unknown, f'{path}: the schema says {unknown}'
    if 'anyOf' in schema:
        found = [list(faults(value, s, path)) for s in schema['anyOf']]
        if all(found):
            yield from min(found, key=len)
    if 'const' in schema and value != schema['const']:
        yield f'{path} is {value!r}, not {schema["const"]!r}'
    if 'enum' in schema and value not in schema['enum']:
        yield f'{path} is {value!r}, none of {schema["enum"]}'
    types = schema.get('type', [])
    types = [types] if isinstance(types, str) else types
    if types and not any(_is(value, t) for t in types):
        yield f'{path} is {value!r}, no {"/".join(types)}'
    elif isinstance(value, dict):
        yield from _object(value, schema, path)
    elif isinstance(value, list) and 'items' in schema:
        for i, item in enumerate(value):
            yield from faults(item, schema['items'], f'{path}[{i}]')


def undescribed(schema, path=''):
    """Members without a description."""
    for key, member in schema.get('properties', {}).items():
        if not member.get('description'):
            yield f'{path}.{key}'
        yield from undescribed(member, f'{path}.{key}')
    for other in schema.get('anyOf', []) + ([schema['items']] if 'items' in schema else []):
        yield from undescribed(other, path)

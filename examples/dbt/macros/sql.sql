{# a relation as an argument of muster's functions: its name in quotes #}
{% macro relation(model) %}'{{ (model | string).replace("'", "''") }}'{% endmacro %}

{# texts as a list and as a tuple of SQL #}
{% macro list_of(texts) %}[{% for text in texts %}'{{ text.replace("'", "''") }}'{{ ", " if not loop.last }}{% endfor %}]{% endmacro %}
{% macro tuple_of(texts) %}({% for text in texts %}'{{ text.replace("'", "''") }}'{{ ", " if not loop.last }}{% endfor %}){% endmacro %}

"""How every form of the product looks: one template for the form, one for the field, whatever the widget."""

from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting


class BoundField(forms.BoundField):
    """A field whose placeholder never repeats its label: libraries like to, and a screen reader reads both."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        attrs = super().build_widget_attrs(attrs, widget)
        widget = widget or self.field.widget
        placeholder = str(widget.attrs.get("placeholder", "")).lower()
        if placeholder and placeholder.startswith(str(self.label).lower()):
            attrs["placeholder"] = False
        return attrs


class FormRenderer(TemplatesSetting):
    """Renders `{{ form }}` by templates/form/form.html and each field by templates/form/field.html.

    Needs `django.forms` in INSTALLED_APPS for the widgets' own templates. A field may name its own template:
    `forms.CharField(template_name="…")`.
    """

    form_template_name = "form/form.html"
    field_template_name = "form/field.html"
    bound_field_class = BoundField

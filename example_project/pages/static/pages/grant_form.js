// A form made from the JSON Schema of a grant, and the grant made from the form.
// What is left as it was is not sent: the narrowest right is everybody's default.

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const typeOf = (schema) => [schema.type].flat().find((type) => type !== "null");
const labelOf = (name, schema) => schema.title ?? name;

export function buildForm(container, schema, extra) {
  container.replaceChildren(...fieldsOf(schema, ""), ...extra.map(([name, one]) => field(name, one, true)));
}

function fieldsOf(schema, prefix) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties).map(([name, one]) => field(prefix + name, one, required.has(name)));
}

function field(path, schema, required) {
  const id = `field-${path}`;
  const name = path.split(".").at(-1);
  const help = element("span", { className: "help", id: `${id}-help`, textContent: schema.description ?? "" });
  const wrong = element("span", { className: "wrong", id: `${id}-wrong`, hidden: true });
  const control = controlFor(path, id, schema);
  control.dataset.path = path;
  if (typeOf(schema) === "object" || typeOf(schema) === "array") {
    const legend = element("legend", { textContent: labelOf(name, schema) });
    control.prepend(legend);
    control.append(help, wrong);
    return control;
  }
  control.setAttribute("aria-describedby", `${help.id} ${wrong.id}`);
  control.required = required && typeOf(schema) !== "boolean";
  if (typeOf(schema) === "boolean") {
    const label = element("label", { className: "tick" }, control, labelOf(name, schema));
    return element("div", { className: "field" }, label, help, wrong);
  }
  const label = element("label", { htmlFor: id, textContent: labelOf(name, schema) });
  return element("div", { className: "field" }, label, control, help, wrong);
}

function controlFor(path, id, schema) {
  const type = typeOf(schema);
  if (type === "object") return element("fieldset", { id, className: "stack" }, ...fieldsOf(schema, `${path}.`));
  if (type === "array") return checkboxes(id, schema);
  if (schema.enum) return choice(id, schema);
  if (type === "boolean") return element("input", { id, type: "checkbox", checked: schema.default === true });
  if (type === "integer") {
    const [min, max] = [schema.minimum ?? "", schema.maximum ?? ""];
    return element("input", { id, type: "number", min, max, step: 1, value: schema.default ?? "" });
  }
  return element("input", { id, type: "text", value: schema.default ?? "", autocomplete: "off", spellcheck: false });
}

function choice(id, schema) {
  const words = schema.enum.map((word) => element("option", { value: word ?? "", textContent: word ?? "–" }));
  const select = element("select", { id }, ...words);
  select.value = schema.default ?? select.value;
  return select;
}

function checkboxes(id, schema) {
  const boxes = (schema.items.enum ?? []).map((word) => {
    const box = element("input", { type: "checkbox", value: word, checked: (schema.default ?? []).includes(word) });
    return element("label", {}, box, word);
  });
  return element("fieldset", { id, className: "choice" }, ...boxes);
}

export function readForm(container, schema) {
  return Object.fromEntries(
    Object.entries(schema.properties)
      .map(([name, one]) => [name, read(container, name, one)])
      .filter(([, value]) => value !== undefined),
  );
}

export function readValue(container, path, schema) {
  return read(container, path, schema);
}

function read(container, path, schema) {
  const control = container.querySelector(`[data-path="${CSS.escape(path)}"]`);
  switch (typeOf(schema)) {
    case "object":
      return nested(container, path, schema);
    case "array":
      return [...control.querySelectorAll(":checked")].map((box) => box.value);
    case "boolean":
      return control.checked;
    case "integer":
      // What is no number goes as it is: the issuer says what is wrong with it.
      return control.value === "" ? undefined : Number(control.value);
    default:
      return control.value === "" ? emptyText(schema) : control.value;
  }
}

function nested(container, path, schema) {
  const entries = Object.entries(schema.properties).map(([name, one]) => [name, read(container, `${path}.${name}`, one)]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

// An empty box says nothing, except where the field must be sent: the issuer then names it.
const emptyText = (schema) => ("default" in schema ? undefined : "");

export function showWrong(container, fields) {
  for (const control of container.querySelectorAll("[data-path]")) {
    const messages = fields[control.dataset.path] ?? [];
    const wrong = container.querySelector(`#${CSS.escape(control.id)}-wrong`);
    wrong.textContent = messages.join(" ");
    wrong.hidden = !messages.length;
    control.setAttribute("aria-invalid", String(messages.length > 0));
  }
  container.querySelector('[aria-invalid="true"]')?.focus();
}

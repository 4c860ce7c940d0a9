// The API reference: the contract of this very service, each request ready to be tried.

const root = new URL('.', document.baseURI);

// The style sheet of the library has its dark colours under this name.
const dark = matchMedia('(prefers-color-scheme: dark)');
const dress = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', dress);
dress();

/** The contract as it is tried here: at the service that this page is from, and with fields filled only where
 * a request needs them, for the library sends each that is filled. */
function tried(contract) {
  const parameters = Object.values(contract.components.parameters);
  for (const path of Object.values(contract.paths)) {
    for (const part of [path, ...Object.values(path)]) parameters.push(...(part.parameters ?? []));
  }
  for (const parameter of parameters) {
    if (parameter.required || parameter.$ref) continue;
    delete parameter.example;
    // An object of any members is filled with some unless it has an example.
    if (parameter.schema?.type === 'object') parameter.example = {};
  }
  return { ...contract, servers: [{ url: root.href.replace(/\/$/, '') }] };
}

window.SwaggerUIBundle({
  url: new URL('openapi.yaml', root).href,
  dom_id: '#reference',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  plugins: [() => ({
    statePlugins: { spec: { wrapActions: { updateJsonSpec: (original) => (contract) => original(tried(contract)) } } },
  })],
  onComplete: () => { document.documentElement.dataset.ready = 'yes'; },
});

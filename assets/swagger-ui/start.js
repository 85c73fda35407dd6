SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  // The validator is a service on the internet; this page asks nobody but the server that it came from.
  validatorUrl: null,
});

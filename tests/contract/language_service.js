// What Microsoft's language service for Azure Pipelines finds in files, as one JSON array on stdout.
// Usage: node language_service.js <node_modules> <schema.json> FILE...
const fs = require("fs");
const path = require("path");

const [modules, schemaFile, ...files] = process.argv.slice(2);
const service = require(path.resolve(modules, "azure-pipelines-language-service"));
const { TextDocument } = require(path.resolve(modules, "vscode-languageserver-types"));
const schema = JSON.parse(fs.readFileSync(schemaFile, "utf8"));
const uri = "azure-pipelines.schema.json";

async function main() {
  const language = service.getLanguageService(
    () => Promise.resolve(schema),
    [],
    () => Promise.resolve(uri),
    { resolveRelativePath: (relative) => relative },
  );
  language.configure({ validate: true });
  const found = [];
  for (const file of files) {
    const text = fs.readFileSync(file, "utf8");
    const document = TextDocument.create("file:///" + file, "azure-pipelines", 1, text);
    for (const one of await language.doValidation(document, service.parse(text))) {
      found.push({ file, line: one.range.start.line + 1, message: one.message });
    }
  }
  console.log(JSON.stringify(found));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

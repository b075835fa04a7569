/** The icons of this extension: drawn on a 24 × 24 grid, in the colour of the text around them. */
import { LabIcon } from '@jupyterlab/ui-components';

export const chatIcon = new LabIcon({
  name: 'jupyter-chatide:chat',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3 jp-icon-selectable" fill="#616161" fill-rule="evenodd" d="M5 2.5h14a3 3 0 0 1 3 3v10a3 3 0 0 1-3 3h-6.6l-4.8 3.6a1 1 0 0 1-1.6-.8v-2.8H5a3 3 0 0 1-3-3v-10a3 3 0 0 1 3-3zm0 2a1 1 0 0 0-1 1v10a1 1 0 0 0 1 1h3v2.8l3.7-2.8H19a1 1 0 0 0 1-1v-10a1 1 0 0 0-1-1zm4.6 2.7v6.6c0 .5.6.8 1 .5l5-3.3a.6.6 0 0 0 0-1l-5-3.3a.6.6 0 0 0-1 .5z"/>
</svg>`
});

function outline(name: string, body: string): LabIcon {
  return new LabIcon({
    name: `jupyter-chatide:${name}`,
    svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">${body}</svg>`
  });
}

export const plusIcon = outline('plus', '<path d="M12 5v14M5 12h14"/>');
export const closeIcon = outline('close', '<path d="M6 6l12 12M18 6L6 18"/>');
export const checkIcon = outline('check', '<path d="M5 12.5l4.5 4.5L19 7.5"/>');
export const chevronDownIcon = outline('chevron-down', '<path d="M6 9.5l6 6 6-6"/>');
export const chevronRightIcon = outline('chevron-right', '<path d="M9.5 6l6 6-6 6"/>');
export const chevronLeftIcon = outline('chevron-left', '<path d="M14.5 6l-6 6 6 6"/>');
export const followIcon = outline(
  'follow',
  '<path d="M12 4v9.5M7.5 9.500L12 14l4.5-4.500M5 19.500h14"/>'
);
export const backIcon = outline('back', '<path d="M19 12H5.5M11 6l-6 6 6 6"/>');
export const arrowUpIcon = outline('arrow-up', '<path d="M12 19V5.5M6 11l6-6 6 6"/>');
export const arrowDownIcon = outline('arrow-down', '<path d="M12 5v13.5M6 13l6 6 6-6"/>');
export const stopIcon = outline(
  'stop',
  '<rect x="6.5" y="6.5" width="11" height="11" rx="2" fill="currentColor"/>'
);
export const playIcon = outline('play', '<path d="M8 5.5v13l10.5-6.5z"/>');
export const rerunIcon = outline('rerun', '<path d="M20 12a8 8 0 1 1-2.6-5.9M20 3.5v4.2h-4.2"/>');
export const copyIcon = outline(
  'copy',
  '<rect x="9" y="9" width="11" height="11" rx="2"/><path d="M5.5 15H5a1.5 1.5 0 0 1-1.5-1.5V5A1.5 1.5 0 0 1 5 3.5h8.5A1.5 1.5 0 0 1 15 5v.5"/>'
);
export const insertIcon = outline(
  'insert',
  '<path d="M6 3.5h12a1.5 1.5 0 0 1 1.5 1.5v6M4.5 15V5A1.5 1.5 0 0 1 6 3.5M4.5 15v4A1.5 1.5 0 0 0 6 20.500h5M8.5 8h7M8.5 12h4M18 14.500v6M15 17.500h6"/>'
);
export const panelIcon = outline(
  'panel',
  '<rect x="3.5" y="4.5" width="17" height="15" rx="2"/><path d="M13 4.500v15M16 9h1.500M16 12h1.5"/>'
);
export const shieldIcon = outline(
  'shield',
  '<path d="M12 3l7.5 2.800v5.700c0 4.5-3 8-7.5 9.5-4.5-1.5-7.5-5-7.5-9.500V5.800z"/>'
);
export const keyIcon = outline(
  'key',
  '<circle cx="8" cy="15.5" r="4.5"/><path d="M11.3 12.300L19.5 4M16 7.500l3 3M13.3 10.200l2 2"/>'
);
export const searchIcon = outline(
  'search',
  '<circle cx="11" cy="11" r="6.5"/><path d="M16 16l4.5 4.5"/>'
);
export const pencilIcon = outline(
  'pencil',
  '<path d="M4 20l1-4.500L16.5 4a2.1 2.1 0 0 1 3 0l.5.5a2.1 2.1 0 0 1 0 3L8.5 19z"/>'
);
export const trashIcon = outline(
  'trash',
  '<path d="M4 6.500h16M9 6.500V4.500a1 1 0 0 1 1-1h4a1 1 0 0 1 1 1v2M6 6.500l1 12.500a1.5 1.5 0 0 0 1.5 1.500h7A1.5 1.5 0 0 0 17 19l1-12.500M10 11v5M14 11v5"/>'
);
export const alertIcon = outline(
  'alert',
  '<path d="M12 4L2.8 19.500h18.400zM12 10v4.500M12 17.200v.1"/>'
);
export const infoIcon = outline(
  'info',
  '<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 8v.1"/>'
);
export const codeIcon = outline('code', '<path d="M8.5 7l-5 5 5 5M15.5 7l5 5-5 5"/>');
export const terminalIcon = outline('terminal', '<path d="M5 7l5 5-5 5M12.5 17.500H19"/>');
export const fileIcon = outline(
  'file',
  '<path d="M13.5 3.500H7A1.5 1.5 0 0 0 5.5 5v14A1.5 1.5 0 0 0 7 20.500h10a1.5 1.5 0 0 0 1.5-1.500V8.500zM13.5 3.500v5h5"/>'
);
export const packageIcon = outline(
  'package',
  '<path d="M12 3l8 4.300v9.400L12 21l-8-4.300V7.300zM4.3 7.500L12 11.800l7.7-4.300M12 11.800V21"/>'
);
export const globeIcon = outline(
  'globe',
  '<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.500c5 5 5 12 0 17M12 3.500c-5 5-5 12 0 17"/>'
);
export const chartIcon = outline(
  'chart',
  '<path d="M4 4v14.500A1.5 1.5 0 0 0 5.5 20H20M8 15l3.5-4.5 3 2.500L19.5 7"/>'
);
export const tableIcon = outline(
  'table',
  '<rect x="3.5" y="4.5" width="17" height="15" rx="2"/><path d="M3.5 9.500h17M3.5 14.500h17M10 9.500v10"/>'
);
export const formulaIcon = outline('formula', '<path d="M18 7V4.500H6L12.5 12 6 19.500h12V17"/>');
export const pageIcon = outline(
  'page',
  '<rect x="3.5" y="4.5" width="17" height="15" rx="2"/><path d="M3.5 9h17M6.5 6.800v.1M9 6.800v.1"/>'
);
export const repairIcon = outline(
  'repair',
  '<path d="M14.5 6.500a4.5 4.5 0 0 1 5.8-2.500l-3 3 .4 2.3 2.3.4 1-1a4.5 4.5 0 0 1-6.5 4.500L8 19.700a2 2 0 0 1-3-3l6.5-6.500a4.5 4.5 0 0 1 3-3.700z"/>'
);
export const widgetIcon = outline(
  'widget',
  '<path d="M4 7.500h8M18 7.500h2M4 16.500h2M12 16.500h8"/><circle cx="15" cy="7.5" r="2.5"/><circle cx="9" cy="16.5" r="2.5"/>'
);
export const sparkIcon = outline(
  'spark',
  '<path d="M12 3.500l2 6.5 6.5 2-6.5 2-2 6.5-2-6.5-6.5-2 6.5-2z"/>'
);
export const linkIcon = outline(
  'link',
  '<path d="M14 4.500h5.500V10M19 5l-8.5 8.500M10.5 6H6a1.5 1.5 0 0 0-1.5 1.500V18A1.5 1.5 0 0 0 6 19.500h10.500A1.5 1.5 0 0 0 18 18v-4.5"/>'
);

export const moveUpIcon = outline('move-up', '<path d="M6 14.500l6-6 6 6"/>');
export const moveDownIcon = outline('move-down', '<path d="M6 9.500l6 6 6-6"/>');
export const switchIcon = outline(
  'switch',
  '<path d="M4 7.500h13M13.5 4L17 7.500 13.5 11M20 16.500H7M10.5 13L7 16.500l3.5 3.500"/>'
);
export const downloadIcon = outline('download', '<path d="M12 4v11M7 10.500l5 5 5-5M5 20h14"/>');
export const starIcon = outline(
  'star',
  '<path d="M12 3.800l2.5 5.200 5.7.8-4.1 4 1 5.700-5.1-2.700-5.1 2.700 1-5.700-4.1-4 5.7-.8z"/>'
);

const EXAMPLE_ICONS: Record<string, LabIcon> = {
  chart: chartIcon,
  table: tableIcon,
  formula: formulaIcon,
  page: pageIcon,
  repair: repairIcon,
  widget: widgetIcon
};

/** The icon of an example prompt, by the name that the server gives it. */
export function exampleIcon(name: string): LabIcon {
  return EXAMPLE_ICONS[name] ?? sparkIcon;
}
